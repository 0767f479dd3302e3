//! Keeps panics within the library, and knows for which call a thread works.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    mem,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    sync::Once,
};

use crate::host::{Host, Level};

thread_local! {
    static CURRENT: Cell<Option<(Host, u64)>> = const { Cell::new(None) };
    /// What the hook saw of the newest panic here.
    static SEEN: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The call for which this thread works.
pub(crate) fn current() -> Option<(Host, u64)> {
    CURRENT.try_with(Cell::get).ok().flatten()
}

/// Does something for a call; where it panics, what is known of that.
pub(crate) fn contained<T>(host: Host, call: u64, work: impl FnOnce() -> T) -> Result<T, String> {
    let before = CURRENT.replace(Some((host, call)));
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    let done = done.map_err(|payload| {
        let described = described(payload);
        // What the hook saw may be an earlier one, which the author caught.
        SEEN.take().filter(|seen| seen.starts_with(&described)).unwrap_or(described)
    });
    CURRENT.set(before);
    done
}

/// What a panic says of itself.
pub(crate) fn described(payload: Box<dyn Any + Send>) -> String {
    let described = text(&*payload);
    // A payload of the author's may panic when it is dropped, with another such payload: it stays.
    if payload.is::<&str>() || payload.is::<String>() {
        drop(payload)
    } else {
        mem::forget(payload)
    }
    described
}

fn text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.map_or_else(|| "a panic without a text".to_owned(), |text| format!("a panic: {text}"))
}

/// Has panics of calls told to the host's log, and no longer written to the standard error. Others go where they went.
pub(crate) fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| match current() {
            Some((host, call)) => tell(host, call, info),
            None => before(info),
        }));
    });
}

fn tell(host: Host, call: u64, info: &PanicHookInfo<'_>) {
    let place =
        info.location().map(|place| format!(" at {}:{}", place.file(), place.line())).unwrap_or_default();
    let message = format!("{}{place}", text(info.payload()));
    host.log(call, Level::Error, &message);
    SEEN.set(Some(message));
}
