//! Servers that tests start on loopback.

pub(crate) mod docker_registry;
pub(crate) mod fake_cloud;
pub(crate) mod fake_github;
pub(crate) mod fake_registry;
pub(crate) mod faulty_tcp;
pub(crate) mod git_http;
pub(crate) mod proxy;
pub(crate) mod raw;
pub(crate) mod sshd;
pub(crate) mod tls;
pub(crate) mod wire;

/// Runs a future to its end on a thread of its own, so that tests with and without a runtime can call it.
pub(crate) fn block_on<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(future)
    };
    std::thread::spawn(run).join().expect("the future ends")
}
