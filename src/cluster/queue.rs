//! A queue that never makes anybody wait: what is too much pushes out the oldest.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    news: Notify,
    max: usize,
}

struct State<T> {
    items: VecDeque<T>,
    is_closed: bool,
}

impl<T> Queue<T> {
    pub(super) fn new(max: usize) -> Self {
        let state = State { items: VecDeque::new(), is_closed: false };
        Self { state: Mutex::new(state), news: Notify::new(), max }
    }

    /// Gives what was pushed out.
    pub(super) fn push(&self, item: T) -> Option<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_closed {
            return Some(item);
        }
        let oldest = if state.items.len() < self.max { None } else { state.items.pop_front() };
        state.items.push_back(item);
        drop(state);
        self.news.notify_one();
        oldest
    }

    /// Nothing more comes; what is there is still taken.
    pub(super) fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).is_closed = true;
        self.news.notify_one();
    }

    /// The oldest; `None` when it is closed and empty. One task may take.
    pub(super) async fn pop(&self) -> Option<T> {
        loop {
            {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(item) = state.items.pop_front() {
                    return Some(item);
                }
                if state.is_closed {
                    return None;
                }
            }
            self.news.notified().await;
        }
    }
}
