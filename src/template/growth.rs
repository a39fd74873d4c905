//! How far Go's lists grow when something is appended to them: it shows when they are sliced beyond their ends.

use super::value::Type;

/// The sizes in bytes in which Go hands out memory; above them it does so in pages.
const SIZES: [usize; 68] = [
    8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 320, 352, 384, 416, 448, 480,
    512, 576, 640, 704, 768, 896, 1024, 1152, 1280, 1408, 1536, 1792, 2048, 2304, 2688, 3072, 3200, 3456, 4096, 4864,
    5120, 5376, 6144, 6528, 6784, 6912, 8192, 9472, 9728, 10240, 10880, 12288, 13568, 14336, 16384, 18432, 19072,
    20480, 21760, 24576, 27264, 28672, 32768,
];
const PAGE: usize = 8192;
/// Go doubles lists up to this capacity.
const DOUBLED_MAX: usize = 256;

/// The capacity of a list of so many items that were appended one by one.
pub(super) fn of_appended(item: &Type, length: usize) -> usize {
    let mut capacity = 0;
    while capacity < length {
        capacity = grown(item, capacity, capacity + 1);
    }
    capacity
}

/// The capacity that a list of that `capacity` gets when it must hold `length` items, which are more.
pub(super) fn grown(item: &Type, capacity: usize, length: usize) -> usize {
    let mut wanted = capacity * 2;
    if length > wanted {
        wanted = length;
    } else if capacity >= DOUBLED_MAX {
        wanted = capacity;
        while wanted < length {
            wanted += (wanted + 3 * DOUBLED_MAX) / 4;
        }
    }
    // An interface or a string takes two words and has a pointer; of such memory above 512 bytes a word is taken.
    let is_number = matches!(item, Type::Int | Type::Int64 | Type::Uint64 | Type::Float64);
    let size = if is_number { 8 } else { 16 };
    let header = if is_number || wanted * size <= 512 { 0 } else { 8 };
    (allotted(wanted * size + header) - header) / size
}

fn allotted(bytes: usize) -> usize {
    SIZES.iter().find(|&&size| size >= bytes).copied().unwrap_or_else(|| bytes.next_multiple_of(PAGE))
}
