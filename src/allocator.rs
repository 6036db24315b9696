//! Where memory comes from. Half the time of a small plan is spent on it; mimalloc takes less of it than the system's
//! allocator.

#![allow(unsafe_code, reason = "the interface of allocators is unsafe")]

use libmimalloc_sys::{
    mi_free, mi_malloc, mi_malloc_aligned, mi_realloc, mi_realloc_aligned, mi_zalloc, mi_zalloc_aligned,
};
use std::alloc::{GlobalAlloc, Layout};

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// What mimalloc gives without being asked for it, for everything that is at least as large (`MI_MAX_ALIGN_SIZE`).
const USUAL: usize = 16;

/// mimalloc. The crate of that name asks for an alignment each time, and then what is no power of two in size comes from larger
/// blocks, on a longer way.
struct Allocator;

fn is_usual(align: usize, size: usize) -> bool {
    align <= USUAL && align <= size
}

// SAFETY: each call is mimalloc's of the same meaning. Blocks of at least 16 bytes begin at multiples of 16, and smaller ones
// at multiples of 8; so what `is_usual` is aligned as asked, since sizes from 8 up to 15 want no more than 8 there.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: as above.
        let block =
            unsafe { if is_usual(align, size) { mi_malloc(size) } else { mi_malloc_aligned(size, align) } };
        block.cast()
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: as above.
        let block =
            unsafe { if is_usual(align, size) { mi_zalloc(size) } else { mi_zalloc_aligned(size, align) } };
        block.cast()
    }

    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: the block came from here.
        unsafe { mi_free(block.cast()) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let align = layout.align();
        // SAFETY: the block came from here; the rest as above.
        let block = unsafe {
            if is_usual(align, size) {
                mi_realloc(block.cast(), size)
            } else {
                mi_realloc_aligned(block.cast(), size, align)
            }
        };
        block.cast()
    }
}
