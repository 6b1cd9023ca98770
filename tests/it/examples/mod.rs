//! The applications of `contracts/src/examples`, on both chains of a devnet.

mod governance;
mod oracle;
mod staking;
mod vault;

use alloy::{
    contract::{CallBuilder, CallDecoder},
    eips::BlockNumberOrTag,
    network::TransactionBuilder,
    primitives::{Address, Bytes},
    providers::{DynProvider, Provider},
    rpc::types::{TransactionReceipt, TransactionRequest},
    sol,
    sol_types::SolError,
};
use eyre::{OptionExt, Result, ensure};
use postern_bindings::Bridge;
use postern_client::{Executable, Status, Withdrawal, withdrawals};
use postern_tests::{Actor, Devnet, Mined, PATIENCE, eventually, expect_revert};

sol! {
    /// Of every L1 contract that L2 calls.
    #[derive(Debug, PartialEq, Eq)]
    error NotL2Sender(address received, address expected);
}

/// Gas of a transaction on L2, more than any here needs. An estimate is of the last block's second: what is written only once in a second
/// may cost more in the next.
const GAS: u64 = 1_000_000;

/// Sends a call on L2, which succeeds.
async fn act<P: Provider, D: CallDecoder>(call: CallBuilder<P, D>) -> Result<TransactionReceipt> {
    let receipt = call.gas(GAS).send().await?.mined().await?;
    ensure!(receipt.status(), "the transaction reverted");
    Ok(receipt)
}

/// Where a contract will be that the account behind `provider` deploys after so many other transactions.
async fn address_after(devnet: &Devnet, provider: &DynProvider, actor: Actor, others: u64) -> Result<Address> {
    let deployer = devnet.address(actor);
    Ok(deployer.create(provider.get_transaction_count(deployer).await? + others))
}

/// The one message to L1 that an L2 transaction sent.
fn message_of(receipt: &TransactionReceipt) -> Result<Withdrawal> {
    let mut sent = withdrawals(receipt);
    ensure!(sent.len() == 1, "{} messages were sent", sent.len());
    sent.pop().ok_or_eyre("no message was sent")
}

/// Makes messages final, the last of which is given last, and returns them ready to be executed.
async fn finals<const N: usize>(devnet: &Devnet, sent: [&Withdrawal; N]) -> Result<[Executable; N]> {
    devnet.executable(sent[N - 1]).await?;
    let stranger = devnet.client(Actor::Stranger);
    let mut executables = Vec::with_capacity(N);
    for withdrawal in sent {
        executables.push(stranger.wait_to_execute(withdrawal, PATIENCE).await?);
    }
    executables.try_into().map_err(|_| eyre::eyre!("a message is missing"))
}

/// That a message's call fails on L1 with the error `E`, and that the message stays claimable.
async fn refused<E: SolError>(devnet: &Devnet, executable: &Executable, sent: &Withdrawal) -> Result<E> {
    let stranger = devnet.client(Actor::Stranger);
    let error = expect_revert::<Bridge::MessageCallFailed>(stranger.execute(executable).await);
    assert_eq!(error.index, sent.message.index);
    assert_eq!(stranger.status(sent).await?, Status::ReadyToProve);
    Ok(expect_revert::<E>(Err::<(), Bytes>(error.reason)))
}

/// Time of the last L2 block, in seconds.
async fn l2_time(devnet: &Devnet) -> Result<u64> {
    let head = devnet.l2().get_block_by_number(BlockNumberOrTag::Latest).await?.ok_or_eyre("L2 has no block")?;
    Ok(head.header.timestamp)
}

/// Lets so many seconds pass on both chains. L2's time follows L1's as there are transactions: they are Bob's.
async fn pass(devnet: &Devnet, seconds: u64) -> Result<()> {
    let time = l2_time(devnet).await? + seconds;
    devnet.warp_to(time).await?;
    devnet.mine(2).await?;
    let bob = devnet.client(Actor::Bob);
    let nothing = TransactionRequest::default().with_to(devnet.address(Actor::Bob));
    eventually("L2 has seen that time", || async {
        ensure!(bob.l2().send_transaction(nothing.clone()).await?.mined().await?.status());
        Ok((l2_time(devnet).await? >= time).then_some(()))
    })
    .await
}
