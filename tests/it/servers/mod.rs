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

use std::net::SocketAddr;

use axum::Router;
use tokio::runtime::Runtime;

/// Runs a future to its end on a thread of its own, so that tests with and without a runtime can call it.
pub(crate) fn block_on<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(future)
    };
    std::thread::spawn(run).join().expect("the future ends")
}

/// Serves `router` at a free port until the runtime is dropped.
pub(crate) fn serve(router: Router) -> (SocketAddr, Runtime) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket");
    let addr = listener.local_addr().expect("a bound address");
    runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
        axum::serve(listener, router).await
    });
    (addr, runtime)
}
