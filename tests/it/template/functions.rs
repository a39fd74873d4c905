//! Functions by subject, where the answers of Go in `fixtures/template` say too little.

mod dicts;
