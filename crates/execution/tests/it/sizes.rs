//! What the data of a batch costs on L1 stays as low as it is: `make bench` prints the whole table.

use crate::sample::{blocks, cost};

#[test]
fn a_transfer_takes_a_hundred_bytes() {
    let many = cost(&blocks(1_000, false));
    assert!((115.0..125.0).contains(&many.raw), "{many:?}");
    assert!(many.calldata < 0.85 * many.raw, "{many:?}");
    // A word of a blob carries 31 bytes of 32.
    assert!(many.words < 1.034 * many.calldata && many.words < many.blobs, "{many:?}");
    let tokens = cost(&blocks(1_000, true));
    assert!(tokens.calldata < 0.7 * tokens.raw, "{tokens:?}");
    // What is too short to be compressed is not made longer by it.
    let one = cost(&blocks(1, false));
    assert_eq!(one.calldata, one.raw);
}
