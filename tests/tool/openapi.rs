//! Makes the table of a schema (`src/kustomize/schema/kubernetes-*.txt`) from an OpenAPI v2 document, with the reader
//! that a build reads a user's document with: `cargo bench --bench openapi -- swagger.json > table.txt`. The document
//! is `api/openapi-spec/swagger.json` of Kubernetes' repository, or what `kubectl get --raw /openapi/v2` prints.

use std::io::Write;
use std::{env, error, fs, io};

use tagwright::kustomize::Schema;

fn main() -> Result<(), Box<dyn error::Error>> {
    let path = env::args_os().nth(1).ok_or("give the path of an OpenAPI v2 document")?;
    let schema = Schema::from_openapi(&fs::read(path)?)?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "# Which kinds have no namespace, and the way to their merged lists; made by tests/tool/openapi.rs."
    )?;
    write!(out, "{schema}")?;
    Ok(())
}
