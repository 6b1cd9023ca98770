//! What the benches share.

use std::{fs, ops::Range, process};

use alloy::{
    eips::eip2718::Encodable2718,
    primitives::{Address, B256, Bytes, keccak256},
    providers::Provider,
    rpc::client::BatchRequest,
};
use eyre::Result;

use crate::{actor::Actor, devnet::Devnet, wait::eventually};

/// The most of a process's memory that was ever resident, in bytes; none where the system does not tell it as Linux does.
pub fn peak_memory(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(peak.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

/// That of this process.
pub fn own_peak_memory() -> Option<u64> {
    peak_memory(process::id())
}

/// Bytes in MiB.
pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Says at each tenth how far something has come.
#[derive(Debug)]
pub struct Progress {
    what: &'static str,
    all: u64,
    tenths: u64,
}

impl Progress {
    /// At the beginning of so many of something.
    pub const fn new(what: &'static str, all: u64) -> Self {
        Self { what, all, tenths: 0 }
    }

    /// So many are done.
    pub fn at(&mut self, done: u64) {
        let tenths = done * 10 / self.all;
        if tenths > self.tenths {
            self.tenths = tenths;
            eprintln!("  {done} of {} {}", self.all, self.what);
        }
    }
}

impl Devnet {
    /// Has Alice make as many L2 transfers as there are numbers, each to the account of its number, all sent at once, and waits
    /// until they are in blocks.
    ///
    /// # Errors
    /// If L2 refuses one.
    pub async fn transfer_many(&self, numbers: Range<u64>) -> Result<()> {
        let (l2, alice) = (self.l2(), self.address(Actor::Alice));
        let before = l2.get_transaction_count(alice).await?;
        let after = before + (numbers.end - numbers.start);
        let mut request = BatchRequest::new(l2.client());
        let mut answers = Vec::new();
        for (nonce, number) in (before..).zip(numbers) {
            let recipient = Address::from_word(keccak256(number.to_be_bytes()));
            let transfer = self.signed_transfer(Actor::Alice, recipient, nonce).await?;
            let raw = Bytes::from(transfer.encoded_2718());
            answers.push(request.add_call::<_, B256>("eth_sendRawTransaction", &(raw,))?);
        }
        request.send().await?;
        for answer in answers {
            answer.await?;
        }
        eventually("the transfers are in blocks", || async {
            Ok((l2.get_transaction_count(alice).await? == after).then_some(()))
        })
        .await
    }
}
