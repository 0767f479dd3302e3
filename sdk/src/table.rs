//! Reads the structs of the other side, which may be of an older or a newer minor version than ours, and its bytes.
//!
//! The server reads a library's structs with this, as a library reads the server's. A struct of an older version is shorter than the type
//! that stands for it here, so that a reference to one would promise memory that is not there. It is copied instead.

// Reads through pointers that come from the other side of a C boundary.
#![allow(unsafe_code)]

use std::{
    mem::{MaybeUninit, offset_of},
    ptr, slice,
};

use crate::abi::{Bytes, HostV1, HttpV1, PluginV1, StepV1};

/// A struct of the boundary: it says how long it is.
///
/// # Safety
///
/// The type is `repr(C)`; a `u32` with its length stands at `SIZE_AT`, and is followed by another `u32`; all that comes after
/// these is as large as a pointer, and may be zero.
pub unsafe trait Table: Copy {
    /// Where its length stands.
    const SIZE_AT: usize;
}

// SAFETY: the length, another number, and functions that may be absent.
unsafe impl Table for HostV1 {
    const SIZE_AT: usize = offset_of!(HostV1, size);
}

// SAFETY: the length, another number, and functions that may be absent.
unsafe impl Table for StepV1 {
    const SIZE_AT: usize = offset_of!(StepV1, size);
}

// SAFETY: the length, another number, a number of a pointer's size and a pointer that may be null.
unsafe impl Table for PluginV1 {
    const SIZE_AT: usize = offset_of!(PluginV1, size);
}

// SAFETY: the length, another number, and a function that may be absent.
unsafe impl Table for HttpV1 {
    const SIZE_AT: usize = offset_of!(HttpV1, size);
}

/// As much of a struct as both sides know; the rest of it is absent (zero). `None`: it is null, or too short to be one.
///
/// A length that ends within a member counts as one that ends before it.
///
/// # Safety
///
/// `table` is null, or can be read up to the length that stands in it.
pub unsafe fn read<T: Table>(table: *const T) -> Option<T> {
    if table.is_null() {
        return None;
    }
    let header = T::SIZE_AT + 2 * size_of::<u32>();
    // SAFETY: the caller's promise; the length is among the bytes that it counts.
    let size = unsafe { table.byte_add(T::SIZE_AT).cast::<u32>().read_unaligned() } as usize;
    if size < header {
        return None;
    }
    let word = size_of::<usize>();
    let both = size.min(size_of::<T>()) / word * word;
    let mut copy = MaybeUninit::<T>::zeroed();
    // SAFETY: so many bytes can be read there, as the caller promises, and written here; `copy` is ours alone. A `Table` may be all
    // zeros, and what is copied are whole members as the other side has set them.
    unsafe {
        ptr::copy_nonoverlapping(table.cast::<u8>(), copy.as_mut_ptr().cast::<u8>(), both);
        Some(copy.assume_init())
    }
}

impl Bytes {
    /// No bytes.
    pub const EMPTY: Self = Self { ptr: ptr::null(), len: 0 };

    /// Lends bytes to the other side, for one call.
    pub const fn new(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr(), len: bytes.len() }
    }

    /// The bytes themselves.
    ///
    /// # Safety
    ///
    /// They can be read, and do not change, for as long as `'a` is taken to be: at most the call in which they came.
    pub const unsafe fn as_slice<'a>(self) -> &'a [u8] {
        if self.len == 0 || self.ptr.is_null() {
            return &[];
        }
        // SAFETY: not null, and the rest is the caller's promise.
        unsafe { slice::from_raw_parts(self.ptr, self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" fn log(_: u64, _: u32, _: Bytes) {}
    unsafe extern "C" fn done(_: u64, _: u32, _: Bytes) {}

    /// The first two functions of a [`HostV1`], as a host of such a version would have them: not one byte more.
    #[repr(C)]
    struct Older {
        size: u32,
        abi_minor: u32,
        done: Option<unsafe extern "C" fn(u64, u32, Bytes)>,
        log: Option<unsafe extern "C" fn(u64, u32, Bytes)>,
    }

    fn older(size: usize) -> Box<Older> {
        Box::new(Older { size: size as u32, abi_minor: 0, done: Some(done), log: Some(log) })
    }

    fn read_as_host(table: &Older) -> Option<HostV1> {
        // SAFETY: no test says that there is more than there is.
        unsafe { read(ptr::from_ref(table).cast::<HostV1>()) }
    }

    #[test]
    fn what_an_older_struct_has_not_is_absent() {
        let host = read_as_host(&older(size_of::<Older>())).expect("a table");
        assert!(host.done.is_some() && host.log.is_some());
        assert!(host.progress.is_none() && host.is_cancelled.is_none() && host.get_extension.is_none());
    }

    #[test]
    fn what_a_newer_struct_has_more_is_left_alone() {
        #[repr(C)]
        struct Newer {
            known: HostV1,
            more: [usize; 3],
        }
        let known = HostV1 {
            size: size_of::<Newer>() as u32,
            abi_minor: 9,
            done: Some(done),
            log: Some(log),
            progress: None,
            is_cancelled: None,
            remaining_ns: None,
            get_extension: None,
        };
        let newer = Box::new(Newer { known, more: [usize::MAX; 3] });
        // SAFETY: the table is as long as it says.
        let host = unsafe { read(ptr::from_ref(&*newer).cast::<HostV1>()) }.expect("a table");
        assert_eq!((host.abi_minor, host.size as usize), (9, size_of::<Newer>()));
        assert!(host.done.is_some() && host.get_extension.is_none());
        assert_eq!(newer.more, [usize::MAX; 3]);
    }

    #[test]
    fn a_function_that_the_length_cuts_is_absent() {
        let whole = offset_of!(HostV1, log);
        for size in whole..whole + size_of::<usize>() {
            let host = read_as_host(&older(size)).expect("a table");
            assert!(host.done.is_some() && host.log.is_none(), "{size}");
        }
    }

    #[test]
    fn null_and_what_is_too_short_are_no_tables() {
        // SAFETY: null is allowed.
        assert!(unsafe { read(ptr::null::<HostV1>()) }.is_none());
        for size in 0..8 {
            assert!(read_as_host(&older(size)).is_none(), "{size}");
        }
        let plugin = PluginV1 { magic: [0; 8], size: 15, abi_minor: 0, n_steps: 0, steps: ptr::null() };
        // SAFETY: a whole table, which says that it is shorter.
        assert!(unsafe { read(&raw const plugin) }.is_none());
    }

    #[test]
    fn no_bytes_may_stand_anywhere() {
        for bytes in [
            Bytes::EMPTY,
            Bytes { ptr: ptr::without_provenance(1), len: 0 },
            Bytes { ptr: ptr::null(), len: 7 },
        ] {
            // SAFETY: there are none to read.
            assert!(unsafe { bytes.as_slice() }.is_empty());
        }
        // SAFETY: they live until the end.
        assert_eq!(unsafe { Bytes::new(b"abc").as_slice() }, b"abc");
    }
}
