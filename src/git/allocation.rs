//! Bounds on what libgit2 may allocate.
//!
//! A delta of a hundred bytes says how large its result is, and an entry of a pack how large it inflates; libgit2
//! allocates whatever they say, and loses the result of a delta that makes an object for the second time. All its memory
//! is asked for here, and what goes too far is refused, which it reports like memory that ran out. Reading packs
//! beforehand would inflate all of them twice, and say nothing about what libgit2 loses.

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::sync::Once;

/// One block. Git makes no deltas of larger files (`core.bigFileThreshold`); whole files are streamed to the store.
const BLOCK_BYTES_MAX: usize = 512 << 20;
/// All blocks of one piece of work: a base, a delta and what they make.
pub(super) const WORK_BYTES_MAX: usize = 1 << 30;
/// What is left for messages when nothing else is.
const MESSAGE_BYTES_MAX: usize = 256;

thread_local! {
    /// What the work of this thread may still ask for; libgit2 does all of a fetch on the thread that calls it.
    static LEFT: Cell<Option<isize>> = const { Cell::new(None) };
}

/// `git_allocator` of `git2/sys/alloc.h`.
#[repr(C)]
struct Allocator {
    malloc: extern "C" fn(usize, *const c_char, c_int) -> *mut c_void,
    realloc: extern "C" fn(*mut c_void, usize, *const c_char, c_int) -> *mut c_void,
    free: extern "C" fn(*mut c_void),
}

/// To be called before anything is read through libgit2; the first call does it for the whole process.
pub(super) fn bound() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        libgit2_sys::init();
        let mut allocator = Allocator { malloc, realloc, free };
        let place: *mut Allocator = &raw mut allocator;
        // The struct is copied. What was allocated before came from the same `malloc`, so that it may be freed here.
        #[expect(unsafe_code, reason = "libgit2 is told so through a call with variable arguments only")]
        let done = unsafe { libgit2_sys::git_libgit2_opts(libgit2_sys::GIT_OPT_SET_ALLOCATOR as c_int, place) };
        assert_eq!(done, 0, "libgit2 takes every allocator");
    });
}

/// Does `work`, in which libgit2 has at most [`WORK_BYTES_MAX`] at a time.
pub(super) fn bounded<T>(work: impl FnOnce() -> T) -> T {
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            LEFT.set(None);
        }
    }
    LEFT.set(Some(WORK_BYTES_MAX.cast_signed()));
    let _end = End;
    work()
}

extern "C" fn malloc(size: usize, _: *const c_char, _: c_int) -> *mut c_void {
    if !has_room(size, 0) {
        return refuse();
    }
    #[expect(unsafe_code, reason = "the caller, libgit2, is the one that uses the memory")]
    let block = unsafe { libc::malloc(size) };
    count(0, size_of_block(block));
    block
}

extern "C" fn realloc(block: *mut c_void, size: usize, _: *const c_char, _: c_int) -> *mut c_void {
    let before = size_of_block(block);
    if !has_room(size, before) {
        return refuse();
    }
    #[expect(unsafe_code, reason = "the block is one of ours, given back by libgit2")]
    let moved = unsafe { libc::realloc(block, size) };
    if !moved.is_null() {
        count(before, size_of_block(moved));
    }
    moved
}

extern "C" fn free(block: *mut c_void) {
    count(size_of_block(block), 0);
    #[expect(unsafe_code, reason = "the block is one of ours, given back by libgit2")]
    unsafe {
        libc::free(block);
    }
}

fn has_room(size: usize, before: usize) -> bool {
    let more = size.saturating_sub(before);
    let fits = |left: isize| size <= MESSAGE_BYTES_MAX || more.cast_signed() <= left;
    size <= BLOCK_BYTES_MAX && LEFT.get().is_none_or(fits)
}

fn count(before: usize, after: usize) {
    if let Some(left) = LEFT.get() {
        LEFT.set(Some(left + before.cast_signed() - after.cast_signed()));
    }
}

/// Zero for none.
fn size_of_block(block: *mut c_void) -> usize {
    #[expect(unsafe_code, reason = "the block is none, or one of malloc's that is in use")]
    unsafe {
        libc::malloc_usable_size(block)
    }
}

fn refuse() -> *mut c_void {
    #[expect(unsafe_code, reason = "the text is a constant that ends with a NUL, and libgit2 copies it")]
    unsafe {
        libgit2_sys::git_error_set_str(
            libgit2_sys::GIT_ERROR_NOMEMORY as c_int,
            c"more memory than is allowed".as_ptr(),
        );
    }
    ptr::null_mut()
}
