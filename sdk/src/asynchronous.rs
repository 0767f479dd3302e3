//! Steps that are futures: one runtime per library, because no two libraries can share one.

use std::{
    io,
    marker::PhantomData,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Poll, ready},
    thread,
};

use tokio::runtime::{Builder, Runtime};

use crate::{
    AsyncStep, Call, Context, StepError,
    describing::Facts,
    entry::{Kind, Running},
    host::Host,
    panics::{contained, described},
};

/// A step that is a future.
#[doc(hidden)]
pub struct Async<S>(PhantomData<S>);

impl<S: AsyncStep> Kind for Async<S> {
    type Config = S::Config;
    type Params = S::Params;
    type Made = S;
    const FACTS: Facts = Facts {
        id: S::ID,
        title: S::TITLE,
        category: S::CATEGORY,
        icon: S::ICON,
        help: S::HELP,
        effects: S::EFFECTS,
        deletes_task: S::DELETES_TASK,
        examples: S::EXAMPLES,
    };

    fn make(config: S::Config, context: &Context) -> Result<S, StepError> {
        S::new(config, context)
    }

    fn run(made: &Arc<S>, call: Call<S::Params>, running: Running) {
        let runtime = match runtime() {
            Ok(runtime) => runtime,
            Err(error) => return running.end(Ok(Err(no_runtime(error)))),
        };
        let made = Arc::clone(made);
        let future = async move { made.run(&call).await };
        let work =
            runtime.spawn(InCall { host: running.host, call: running.call, future: Some(Box::pin(future)) });
        let abort = work.abort_handle();
        running.on_cancel(move || abort.abort());
        runtime.spawn(async move {
            let ended = match work.await {
                Ok(ended) => ended,
                Err(error) if error.is_cancelled() => Ok(Err(StepError::cancelled())),
                Err(error) => Err(described(error.into_panic())),
            };
            // Here the future is gone, and with it what it held of the instance.
            running.end(ended);
        });
    }
}

fn runtime() -> Result<&'static Runtime, &'static io::Error> {
    /// More would only take the server's processors.
    const THREADS_MAX: usize = 4;
    static RUNTIME: OnceLock<io::Result<Runtime>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
        let name = concat!(env!("CARGO_PKG_NAME"), "-async");
        Builder::new_multi_thread().worker_threads(threads).thread_name(name).enable_all().build()
    });
    runtime.as_ref()
}

fn no_runtime(error: &io::Error) -> StepError {
    StepError::new("no_runtime", format!("The plugin cannot start its threads: {error}.")).retryable()
}

/// A future that works for a call: each time that it goes on, its thread knows so, and it keeps its panics in.
struct InCall<F> {
    host: Host,
    call: u64,
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> Future for InCall<F> {
    type Output = Result<F::Output, String>;

    fn poll(mut self: Pin<&mut Self>, task: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        let (host, call) = (self.host, self.call);
        let polled = contained(host, call, || {
            let Some(future) = &mut self.future else { return Poll::Pending };
            let output = ready!(future.as_mut().poll(task));
            self.future = None;
            Poll::Ready(output)
        });
        match polled {
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}

impl<F> Drop for InCall<F> {
    fn drop(&mut self) {
        let future = self.future.take();
        // Where it panics, the hook has told the host; the call has ended by then, or is being cancelled.
        let _ = contained(self.host, self.call, move || drop(future));
    }
}
