//! `make demo`: ETH goes to L2, moves there, comes back. A real L1 (Anvil), a real L2 (revm behind JSON-RPC), and the
//! library that wallets use; nothing in between.

use std::process::ExitCode;

use alloy::{
    network::{ReceiptResponse, TransactionBuilder},
    providers::Provider,
    rpc::types::TransactionRequest,
};
use eyre::{Result, ensure};
use postern_client::Withdrawal;
use postern_tests::{
    Actor, Devnet, Ledger, Mined, PATIENCE, ether,
    stage::{chapter, fact, shown, transaction},
};

#[tokio::main]
async fn main() -> ExitCode {
    match play().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn play() -> Result<()> {
    let (deposited, moved, withdrawn) = (ether(10), ether(4), ether(3));

    println!("Starting L1 (Anvil), deploying the contracts with script/Deploy.s.sol, starting L2 …");
    let devnet = Devnet::start().await?;
    let (alice, bob, stranger) =
        (devnet.client(Actor::Alice), devnet.client(Actor::Bob), devnet.client(Actor::Stranger));
    let (l1, l2) = (devnet.l1(), devnet.l2());
    chapter("The two chains");
    fact("L1", format_args!("{} chain {}", devnet.l1_url(), l1.get_chain_id().await?));
    fact("L2", format_args!("{} chain {}", devnet.l2_url(), l2.get_chain_id().await?));
    fact("Bridge", devnet.deployment().bridge.address);
    fact("CanonicalTransactionChain", devnet.deployment().canonical_transaction_chain.address);
    fact("StateCommitmentChain", devnet.deployment().state_commitment_chain.address);

    chapter(&format!("Alice deposits {} ETH", shown(deposited)));
    let deposit = alice.deposit_eth(devnet.address(Actor::Alice), deposited).await?;
    transaction("L1", "Bridge.sendToL2", &deposit.receipt);
    fact("queued message", deposit.state.message.index);
    let receipt = alice.wait_for_deposit(&deposit.state, PATIENCE).await?;
    ensure!(receipt.status(), "the deposit failed on L2");
    transaction("L2", "deposit, type 0x7e", &receipt);
    balances(&devnet).await?;

    chapter(&format!("Alice sends Bob {} ETH on L2", shown(moved)));
    let transfer = TransactionRequest::default().with_to(devnet.address(Actor::Bob)).with_value(moved);
    let receipt = alice.l2().send_transaction(transfer).await?.mined().await?;
    ensure!(receipt.status(), "the transfer failed");
    transaction("L2", "transfer", &receipt);
    balances(&devnet).await?;

    chapter(&format!("Bob withdraws {} ETH to his account on L1", shown(withdrawn)));
    let sent = bob.initiate_withdrawal(devnet.address(Actor::Bob), withdrawn, 0, Default::default()).await?;
    let withdrawal = sent.state;
    transaction("L2", "Outbox.send", &sent.receipt);
    fact("message", withdrawal.message.index);
    fact("leaf", withdrawal.message.leaf());
    status(&devnet, &withdrawal).await?;

    chapter("A proposer commits to the L2 output that contains it");
    let provable = stranger.wait_to_prove(&withdrawal, PATIENCE).await?;
    fact("commitment", provable.commitment().id());
    fact("batches applied", provable.commitment().batch_count);
    fact("output root", provable.output().root());
    fact("outbox root", provable.output().outbox_root);
    status(&devnet, &withdrawal).await?;

    chapter("A stranger proves the message");
    let proven = stranger.prove(&provable).await?;
    transaction("L1", "Bridge.proveMessage", &proven.receipt);
    status(&devnet, &withdrawal).await?;
    let head = devnet.l1_head().await?;
    if let Some(ready) = stranger.ready_at(&withdrawal).await? {
        let blocks = ready.block_number.saturating_sub(head.block_number);
        let seconds = ready.time.saturating_sub(head.time);
        fact("challenge window", format_args!("{seconds} more seconds and {blocks} more L1 blocks"));
    }

    chapter("The challenge window passes (the devnet's clock is put forward)");
    devnet.warp_past_challenge_window().await?;
    stranger.wait_to_finalize(&proven.state, PATIENCE).await?;
    for receipt in stranger.finalize_commitment(provable.commitment()).await? {
        transaction("L1", "StateCommitmentChain.finalize", &receipt);
    }
    status(&devnet, &withdrawal).await?;

    chapter("The stranger finalizes the message, and Bob is paid");
    let before = l1.get_balance(devnet.address(Actor::Bob)).await?;
    let receipt = stranger.finalize(&proven.state).await?;
    transaction("L1", "Bridge.finalizeMessage", &receipt);
    status(&devnet, &withdrawal).await?;
    let paid = l1.get_balance(devnet.address(Actor::Bob)).await? - before;
    fact("paid to Bob on L1", format_args!("{} ETH", shown(paid)));
    ensure!(paid == withdrawn, "Bob got {paid} wei instead of {withdrawn}");
    balances(&devnet).await?;

    chapter("Nothing was made or lost");
    devnet.synced().await?;
    devnet.check_conservation(&[]).await?;
    let Ledger { held, paid, on_l2 } = devnet.ledger(&[]).await?;
    fact("the bridge holds", format_args!("{} ETH", shown(held)));
    fact("and paid out", format_args!("{} ETH", shown(paid)));
    fact("is or was on L2", format_args!("{} ETH, fees included", shown(on_l2)));
    Ok(())
}

async fn status(devnet: &Devnet, withdrawal: &Withdrawal) -> Result<()> {
    fact("status", devnet.client(Actor::Stranger).status(withdrawal).await?);
    Ok(())
}

async fn balances(devnet: &Devnet) -> Result<()> {
    let l2 = devnet.l2();
    for actor in [Actor::Alice, Actor::Bob] {
        fact(
            &format!("{actor} has on L2"),
            format_args!("{} ETH", shown(l2.get_balance(devnet.address(actor)).await?)),
        );
    }
    let held = devnet.l1().get_balance(devnet.deployment().bridge.address).await?;
    fact("the bridge holds", format_args!("{} ETH", shown(held)));
    Ok(())
}
