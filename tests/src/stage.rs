//! What demos say to who watches them.

use std::fmt::Display;

use alloy::{
    network::ReceiptResponse,
    primitives::{B256, U256, utils::format_ether},
};

/// Begins a part of the story.
pub fn chapter(title: &str) {
    println!("\n── {title}");
}

/// Says what something is.
pub fn fact(name: &str, value: impl Display) {
    println!("   {name:<26} {value}");
}

/// Says that a transaction was executed on a chain.
pub fn transaction(chain: &str, what: &str, receipt: &impl ReceiptResponse) {
    let hash: B256 = receipt.transaction_hash();
    println!("   {chain} {what:<31} {hash}  gas {:>7}", receipt.gas_used());
}

/// An amount in ETH, without idle zeros.
pub fn shown(wei: U256) -> String {
    format_ether(wei).trim_end_matches('0').trim_end_matches('.').to_owned()
}
