//! A relayer that is paid for what it executes, and what that costs.

use std::{net::Ipv4Addr, ops::RangeInclusive};

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    providers::{Provider, ext::AnvilApi},
    rpc::types::Filter,
    sol_types::SolEvent,
    transports::http::reqwest,
};
use eyre::{OptionExt, Result};
use postern_bindings::{Bridge::MessageFinalized, RelayTip::TipPaid};
use postern_client::{TOKEN_WITHDRAWAL_GAS_LIMIT, TokenTransfer, Withdrawal};
use postern_node::{
    NodeConfig,
    relayer::gas::{Estimate, Part, TIP_GAS, estimate},
};
use postern_protocol::{commitment::Commitment, outbox};
use postern_tests::{
    Actor, Devnet, Mined, PATIENCE, Roles, ether, eventually,
    targets::{Gate, Token},
};

/// Accounts that get nothing by anything else.
fn recipient(number: u64) -> Address {
    Address::from_word(U256::from(0xb0b_000 + number).into())
}

/// What L1 charges for executing these messages with the model's limit, and what the model says, in gas.
async fn charged(devnet: &Devnet, commitment: &Commitment, sent: &[&Withdrawal]) -> Result<(u64, Estimate)> {
    let (chain, stranger) = (devnet.node().chain(), devnet.client(Actor::Stranger));
    let count = chain.outbox_count(commitment.batch_count)?.ok_or_eyre("it is not derived")?;
    let indices: Vec<u64> = sent.iter().map(|sent| sent.message.index).collect();
    let proof = chain.outbox_multiproof(&indices, commitment.batch_count)?;
    let (bridge, id, depth) = (stranger.bridge(), commitment.id(), outbox::depth(count));
    let tips = devnet.deployment().gateways.map(|gateways| gateways.relay_tip.address);
    let part = |sent: &&Withdrawal| match Part::from(&sent.message) {
        part if Some(sent.message.target) == tips => part.tip(),
        part => part,
    };
    let model = estimate(&sent.iter().map(part).collect::<Vec<_>>(), depth);
    let receipt = match sent {
        [sent] => {
            let claim = bridge.executeMessage(sent.message.clone().into(), id, proof);
            claim.gas(model.limit).send().await?.mined().await?
        }
        sent => {
            let messages = sent.iter().map(|sent| sent.message.clone().into()).collect();
            let claim = bridge.executeMessages(messages, id, U256::from(depth), proof);
            claim.gas(model.limit).send().await?.mined().await?
        }
    };
    Ok((receipt.gas_used, model))
}

/// The model is within 3 % of what L1 charges, whether messages are executed one by one or together; and nothing costs more than
/// it says at the most.
#[tokio::test]
async fn knows_what_claims_cost() -> Result<()> {
    let devnet = Devnet::tuned_with_gateways(Roles::OPERATOR, |_| ()).await?;
    devnet.fund(Actor::Alice, ether(2)).await?;
    let mut sent = Vec::new();
    for number in 0..36 {
        if number > 0 {
            devnet.l1().anvil_set_balance(recipient(number), U256::ONE).await?;
        }
        // Bytes of a signature or a hash are rarely zero.
        let length = match number {
            2 => 1_000,
            3 => 20_000,
            10 | 30 => 300,
            _ => 0,
        };
        let value = U256::from(number % 4 != 3);
        sent.push(devnet.withdraw(Actor::Alice, recipient(number), value, 0, Bytes::from(vec![1; length])).await?);
    }
    sent.push(devnet.client(Actor::Alice).tip(35, ether(1)).await?.state);
    let executable = devnet.executable(&sent[36]).await?;
    let commitment = executable.provable().commitment();
    let sent: Vec<_> = sent.iter().collect();

    // The first one creates its account, and begins a word of executed bits: from then on there is no such thing.
    let (first, model) = charged(&devnet, commitment, &sent[..1]).await?;
    assert!(first > model.used && first <= model.most, "{first} is not what {model:?} says");
    for range in [1..2, 2..3, 3..4, 4..6, 6..10, 10..18, 18..34] {
        let (gas, model) = charged(&devnet, commitment, &sent[range.clone()]).await?;
        assert!(gas.abs_diff(model.used) * 100 <= 3 * gas && gas <= model.most, "{range:?}: {gas}, {model:?}");
    }
    // What a tip's call uses is beside the model, but bounded.
    let (gas, model) = charged(&devnet, commitment, &sent[34..37]).await?;
    assert!(gas > model.used && gas <= model.used + TIP_GAS && gas <= model.most, "{gas}, {model:?}");
    Ok(())
}

/// Whatever fails before it, the last message of a batch has what it was promised: also if each of the others finds their word of
/// executed bits new, delegates to a contract of its own, burns all its gas, and gives a long reason.
#[tokio::test]
async fn reserves_gas_for_whatever_fails() -> Result<()> {
    let devnet = Devnet::tuned_with_gateways(Roles::OPERATOR, |_| ()).await?;
    devnet.fund(Actor::Alice, ether(2)).await?;
    // Goes on until 512 gas are left, and reverts with 256 bytes.
    let burns = Bytes::from_static(&[0x5b, 0x61, 2, 0, 0x5a, 0x11, 0x5f, 0x57, 0x61, 1, 0, 0x5f, 0xfd]);
    let mut sent = Vec::new();
    for number in 0..32 {
        if number < 31 {
            let delegate = recipient(1_000 + number);
            devnet.l1().anvil_set_code(delegate, burns.clone()).await?;
            let delegates = [&[0xef, 1, 0], delegate.as_slice()].concat();
            devnet.l1().anvil_set_code(recipient(number), delegates.into()).await?;
        }
        sent.push(devnet.withdraw(Actor::Alice, recipient(number), U256::ZERO, 30_000, Bytes::new()).await?);
    }
    let executable = devnet.executable(&sent[31]).await?;
    let sent: Vec<_> = sent.iter().collect();
    let (gas, model) = charged(&devnet, executable.provable().commitment(), &sent).await?;
    assert!(!is_executed(&devnet, 30).await? && is_executed(&devnet, 31).await?, "{gas}, {model:?}");
    Ok(())
}

/// Where metrics are served, and a relayer that executes only what tips pay for.
fn for_profit(config: &mut NodeConfig) {
    config.metrics_addr = Some((Ipv4Addr::LOCALHOST, 0).into());
    if let Some((_, relayer)) = &mut config.relayer {
        relayer.profitable_only = true;
    }
}

/// A devnet that will have such a relayer, on which Alice has ETH.
async fn devnet() -> Result<Devnet> {
    let devnet = Devnet::tuned_with_gateways(Roles::OPERATOR, for_profit).await?;
    devnet.fund(Actor::Alice, ether(9)).await?;
    Ok(devnet)
}

const RELAYER: Roles = Roles { relayer: true, ..Roles::OPERATOR };

/// Alice sends a wei to an account of this number.
async fn send(devnet: &Devnet, number: u64) -> Result<Withdrawal> {
    devnet.withdraw(Actor::Alice, recipient(number), U256::ONE, 0, Bytes::new()).await
}

/// Alice tips for a message.
async fn tip(devnet: &Devnet, index: u64, amount: U256) -> Result<Withdrawal> {
    Ok(devnet.client(Actor::Alice).tip(index, amount).await?.state)
}

/// Waits until messages are executed, and returns the transactions that did it.
async fn executed(devnet: &Devnet, indices: RangeInclusive<u64>) -> Result<Vec<B256>> {
    let topics: Vec<B256> = indices.map(|index| U256::from(index).into()).collect();
    let filter = Filter::new().from_block(0).event_signature(MessageFinalized::SIGNATURE_HASH).topic1(topics.clone());
    eventually("the messages are executed", || async {
        let logs = devnet.l1().get_logs(&filter).await?;
        let transactions = logs.iter().filter_map(|log| log.transaction_hash).collect::<Vec<_>>();
        Ok((transactions.len() == topics.len()).then_some(transactions))
    })
    .await
}

async fn is_executed(devnet: &Devnet, index: u64) -> Result<bool> {
    Ok(devnet.bridge().isFinalized(index).call().await?)
}

/// Who was paid, and how much.
async fn paid(devnet: &Devnet) -> Result<Vec<(u64, Address, U256)>> {
    let filter = Filter::new().from_block(0).address(devnet.gateways().relay_tip.address);
    let logs = devnet.l1().get_logs(&filter).await?;
    let events = logs.iter().map(|log| TipPaid::decode_log(&log.inner));
    let events = events.map(|event| event.map(|event| (event.index, event.relayer, event.amount)));
    Ok(events.collect::<Result<_, _>>()?)
}

/// A message and its tips are executed in one transaction, so that nobody comes between; what pays together goes together.
#[tokio::test]
async fn batches_messages_with_their_tips() -> Result<()> {
    let mut devnet = devnet().await?;
    for number in 0..3 {
        let index = send(&devnet, number).await?.message.index;
        assert_eq!(index, 2 * number);
        tip(&devnet, index, ether(1)).await?;
    }
    // A second one for the first.
    let last = tip(&devnet, 0, ether(1)).await?;
    devnet.executable(&last).await?;
    let relayer = devnet.address(Actor::Relayer);
    let before = devnet.l1().get_balance(relayer).await?;
    devnet.restart_with(RELAYER).await?;

    let mut transactions = executed(&devnet, 0..=6).await?;
    transactions.dedup();
    assert_eq!(transactions.len(), 1);
    let paid = paid(&devnet).await?;
    assert_eq!(paid, [0, 2, 4, 0].map(|index| (index, relayer, ether(1))));
    let receipt = devnet.l1().get_transaction_receipt(transactions[0]).await?.ok_or_eyre("no receipt")?;
    let cost = U256::from(receipt.gas_used) * U256::from(receipt.effective_gas_price);
    assert_eq!(devnet.l1().get_balance(relayer).await?, before + ether(4) - cost);
    devnet.check_conservation(&[]).await
}

/// What is not tipped for, or too little, is left to others; whatever comes after it is not.
#[tokio::test]
async fn leaves_what_does_not_pay() -> Result<()> {
    let mut devnet = devnet().await?;
    send(&devnet, 0).await?;
    send(&devnet, 1).await?;
    tip(&devnet, 1, U256::ONE).await?;
    send(&devnet, 2).await?;
    let last = tip(&devnet, 3, ether(1)).await?;
    devnet.executable(&last).await?;
    devnet.restart_with(RELAYER).await?;
    executed(&devnet, 3..=4).await?;
    devnet.synced().await?;
    for index in 0..=2 {
        assert!(!is_executed(&devnet, index).await?, "{index} pays nothing");
    }

    // A tip that comes later, from whom it may.
    devnet.fund(Actor::Bob, ether(2)).await?;
    let late = devnet.client(Actor::Bob).tip(0, ether(1)).await?.state;
    devnet.executable(&late).await?;
    executed(&devnet, 0..=0).await?;
    executed(&devnet, 5..=5).await?;
    assert!(!is_executed(&devnet, 1).await? && !is_executed(&devnet, 2).await?);
    assert_eq!(devnet.l1().get_transaction_count(devnet.address(Actor::Relayer)).await?, 2);
    devnet.check_conservation(&[]).await
}

/// A token of L2 is registered by a message of its own, which has no tip: that of the first withdrawal pays for both.
#[tokio::test]
async fn registers_a_token_for_the_tip_of_its_first_withdrawal() -> Result<()> {
    let mut devnet = devnet().await?;
    let (alice, amount) = (devnet.client(Actor::Alice), U256::from(100));
    let token = devnet.token(alice.l2(), Actor::Alice, amount).await?;
    token.approve(devnet.gateways().l2_token_gateway.address, amount).send().await?.mined().await?;
    let transfer = TokenTransfer {
        token: *token.address(),
        to: recipient(0),
        amount_or_id: amount,
        gas_limit: TOKEN_WITHDRAWAL_GAS_LIMIT,
        data: Bytes::new(),
    };
    let withdrawal = alice.erc20()?.withdraw(transfer, ether(1)).await?.state;
    assert_eq!(withdrawal.registration.ok_or_eyre("it is registered")?.message.index, 0);
    devnet.executable(&withdrawal.tip.ok_or_eyre("there is no tip")?).await?;
    devnet.restart_with(RELAYER).await?;

    let mut transactions = executed(&devnet, 0..=2).await?;
    transactions.dedup();
    assert_eq!(transactions.len(), 1);
    assert_eq!(paid(&devnet).await?, [(1, devnet.address(Actor::Relayer), ether(1))]);
    let twin = Token::new(alice.erc20()?.twin_on_l1(*token.address()), alice.l1());
    assert_eq!(twin.balanceOf(recipient(0)).call().await?, amount);
    devnet.check_conservation(&[]).await
}

/// A message that somebody executes without its tip leaves the tip to whoever comes next.
#[tokio::test]
async fn takes_the_tip_that_another_left() -> Result<()> {
    let mut devnet = devnet().await?;
    let message = send(&devnet, 0).await?;
    let last = tip(&devnet, 0, ether(1)).await?;
    devnet.executable(&last).await?;
    let stranger = devnet.client(Actor::Stranger);
    let executable = stranger.wait_to_execute(&message, PATIENCE).await?;
    stranger.execute(&executable).await?;
    devnet.restart_with(RELAYER).await?;
    executed(&devnet, 1..=1).await?;
    assert_eq!(paid(&devnet).await?, [(0, devnet.address(Actor::Relayer), ether(1))]);
    devnet.check_conservation(&[]).await
}

/// Who tips for what burns all gas, for what fails, and for what is never executed makes the relayer spend nothing, and keeps
/// nobody else from being served.
#[tokio::test]
async fn is_not_lured_into_what_fails() -> Result<()> {
    let mut devnet = devnet().await?;
    let stranger = devnet.client(Actor::Stranger);
    let gate = Gate::new(devnet.deploy(stranger.l1(), "Gate", ()).await?, stranger.l1());
    let burner = devnet.deploy(stranger.l1(), "GasBurner", ()).await?;
    let tips = devnet.gateways().relay_tip.address;
    for target in [burner, *gate.address()] {
        let sent = devnet.withdraw(Actor::Alice, target, U256::ONE, 900_000, Bytes::new()).await?;
        tip(&devnet, sent.message.index, ether(1)).await?;
    }
    // Not what a tip looks like; a tip for what the relayer never executes; and one for a message that does not exist.
    devnet.withdraw(Actor::Alice, tips, ether(1), 50_000, Bytes::from_static(&[1, 2, 3, 4])).await?;
    devnet.withdraw(Actor::Alice, recipient(0), U256::ONE, 7_000_000, Bytes::new()).await?;
    tip(&devnet, 5, ether(1)).await?;
    tip(&devnet, 1_000, ether(1)).await?;
    send(&devnet, 1).await?;
    let last = tip(&devnet, 8, ether(1)).await?;
    devnet.executable(&last).await?;
    devnet.restart_with(RELAYER).await?;
    executed(&devnet, 8..=9).await?;
    for index in 0..8 {
        assert!(!is_executed(&devnet, index).await?, "{index}");
    }
    let relayer = devnet.address(Actor::Relayer);
    assert_eq!(devnet.l1().get_transaction_count(relayer).await?, 1);

    // It comes back to what may have changed.
    gate.setOpen(true).send().await?.mined().await?;
    executed(&devnet, 2..=3).await?;
    assert_eq!(devnet.l1().get_transaction_count(relayer).await?, 2);
    devnet.check_conservation(&[]).await
}

/// The value of a metric, as the node shows it over HTTP.
async fn metric(devnet: &Devnet, name: &str) -> Result<Option<f64>> {
    let address = devnet.node().metrics_address().ok_or_eyre("it serves no metrics")?;
    let answer = reqwest::get(format!("http://{address}/metrics")).await?.error_for_status()?;
    assert!(answer.headers()["content-type"].to_str()?.starts_with("application/openmetrics-text"));
    let text = answer.text().await?;
    assert!(text.ends_with("# EOF\n"));
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(line.map(str::parse).transpose()?)
}

/// What the relayer did, and how far the node is, can be watched.
#[tokio::test]
async fn shows_what_it_does() -> Result<()> {
    let mut devnet = devnet().await?;
    assert_eq!(metric(&devnet, "postern_relayer_backlog").await?, None, "it is no relayer yet");
    send(&devnet, 0).await?;
    tip(&devnet, 0, ether(1)).await?;
    send(&devnet, 1).await?;
    let poor = tip(&devnet, 2, U256::ONE).await?;
    devnet.executable(&poor).await?;
    devnet.restart_with(RELAYER).await?;
    let transaction = executed(&devnet, 0..=1).await?[0];
    let receipt = devnet.l1().get_transaction_receipt(transaction).await?.ok_or_eyre("no receipt")?;
    let spent = receipt.gas_used as f64 * receipt.effective_gas_price as f64;
    let shows = |name: &'static str, value: f64| {
        let devnet = &devnet;
        eventually(name, move || async move { Ok((metric(devnet, name).await? == Some(value)).then_some(())) })
    };
    shows("postern_relayer_messages_executed_total", 2.0).await?;
    shows("postern_relayer_transactions_total", 1.0).await?;
    shows("postern_relayer_spent_wei_total", spent).await?;
    shows("postern_relayer_tips_earned_wei_total", 1e18).await?;
    shows("postern_relayer_messages_failed_total", 0.0).await?;
    shows("postern_relayer_messages_given_up_total{reason=\"gas\"}", 0.0).await?;
    shows("postern_relayer_backlog_unprofitable", 1.0).await?;
    shows("postern_relayer_backlog", 0.0).await?;
    // The tip was more than it spent.
    shows("postern_relayer_allowance_left_wei", 1e17).await?;
    shows("postern_syncing", 0.0).await?;
    let heads = devnet.node().chain().heads();
    assert!(metric(&devnet, "postern_final_block_number").await? > Some(0.0));
    assert!(metric(&devnet, "postern_safe_block_number").await? >= Some(heads.finalized.number as f64));
    assert!(metric(&devnet, "postern_l1_block_number").await? >= Some(heads.l1.number as f64));

    let address = devnet.node().metrics_address().ok_or_eyre("it serves no metrics")?;
    assert_eq!(reqwest::get(format!("http://{address}/")).await?.status(), 404);
    let post = reqwest::Client::new().post(format!("http://{address}/metrics")).send().await?;
    assert_eq!(post.status(), 405);
    // It ends with the node, which lets go of its data directory.
    devnet.stop_node().await?;
    assert!(reqwest::get(format!("http://{address}/metrics")).await.is_err());
    devnet.start_node().await
}
