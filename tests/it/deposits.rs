//! L1→L2: ETH and calls arrive, or stay with their sender.

use alloy::{
    network::ReceiptResponse,
    primitives::{Address, Bytes, U256, address},
    providers::{Provider, ext::AnvilApi},
};
use eyre::Result;
use postern_bindings::Bridge;
use postern_client::{Deposit, L2Call};
use postern_protocol::{
    constants::{MAX_MESSAGE_DATA, MAX_QUEUED_GAS_LIMIT, minimum_gas_limit},
    message::alias,
    predeploys,
};
use postern_tests::{
    Actor, Devnet, Mined, PATIENCE, Roles, ether, expect_revert,
    targets::{Depositor, Gate},
};
use rstest::rstest;

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");
const GAS: u64 = 100_000;

/// Waits for a deposit; whether its call succeeded.
async fn arrives(devnet: &Devnet, deposit: &Deposit) -> Result<bool> {
    Ok(devnet.client(Actor::Alice).wait_for_deposit(deposit, PATIENCE).await?.status())
}

#[tokio::test]
async fn to_ones_own_account() -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    let alice = devnet.client(Actor::Alice);

    let deposit = alice.deposit_eth(devnet.address(Actor::Alice), ether(1)).await?.state;

    assert!(arrives(&devnet, &deposit).await?);
    // What she allowed for fees and did not need is hers as well.
    let balance = devnet.l2().get_balance(devnet.address(Actor::Alice)).await?;
    assert_eq!(balance, deposit.message.mint);
    assert!(balance >= ether(1));
    assert_eq!(devnet.l2().get_balance(predeploys::FEE_VAULT).await?, deposit.message.fee);
    devnet.check_conservation(&[]).await
}

#[tokio::test]
async fn to_another_account() -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    let alice = devnet.client(Actor::Alice);

    let deposit = alice.deposit_eth(RECIPIENT, ether(1)).await?.state;

    assert!(arrives(&devnet, &deposit).await?);
    assert_eq!(devnet.l2().get_balance(RECIPIENT).await?, ether(1));
    devnet.check_conservation(&[RECIPIENT]).await
}

#[rstest]
#[case::that_takes_it(true)]
#[case::that_reverts(false)]
#[tokio::test]
async fn to_a_contract(#[case] open: bool) -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(1)).await?;
    let alice = devnet.client(Actor::Alice);
    let gate = Gate::new(devnet.deploy(alice.l2(), "Gate", ()).await?, alice.l2());
    assert!(gate.setOpen(open).send().await?.mined().await?.status());

    let bob = devnet.client(Actor::Bob);
    let deposit = bob.deposit_eth(*gate.address(), ether(2)).await?.state;

    assert_eq!(arrives(&devnet, &deposit).await?, open);
    let kept = devnet.l2().get_balance(devnet.address(Actor::Bob)).await?;
    let taken = devnet.l2().get_balance(*gate.address()).await?;
    assert_eq!(taken, if open { ether(2) } else { U256::ZERO });
    assert_eq!(kept + taken, deposit.message.mint, "a failed call leaves the ETH with its sender");
    assert_eq!(gate.calls().call().await?, U256::from(open));
    devnet.check_conservation(&[*gate.address()]).await
}

#[tokio::test]
async fn a_call_moves_eth_that_is_on_l2_already() -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(3)).await?;

    let call = L2Call { target: RECIPIENT, value: ether(2), gas_limit: GAS, ..L2Call::default() };
    let deposit = devnet.client(Actor::Alice).send_to_l2(call).await?.state;

    assert!(arrives(&devnet, &deposit).await?);
    assert_eq!(devnet.l2().get_balance(RECIPIENT).await?, ether(2));
    devnet.check_conservation(&[RECIPIENT]).await
}

#[tokio::test]
async fn a_call_without_the_eth_it_carries_fails_alone() -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;

    let call = L2Call { target: RECIPIENT, mint: ether(1), value: ether(5), gas_limit: GAS, data: Bytes::new() };
    let deposit = devnet.client(Actor::Alice).send_to_l2(call).await?.state;

    assert!(!arrives(&devnet, &deposit).await?);
    let balance = devnet.l2().get_balance(devnet.address(Actor::Alice)).await?;
    assert_eq!(balance, deposit.message.mint);
    devnet.check_conservation(&[]).await
}

#[tokio::test]
async fn a_contract_acts_as_its_alias() -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    let alice = devnet.client(Actor::Alice);
    let depositor = devnet.deploy(alice.l1(), "Depositor", (devnet.deployment().bridge.address,)).await?;
    let depositor = Depositor::new(depositor, alice.l1());
    let own = alias(*depositor.address());

    let send = depositor.send(RECIPIENT, ether(1), GAS, Bytes::new()).value(ether(2));
    let receipt = send.send().await?.mined().await?;
    let deposit = alice.deposits(&receipt).remove(0);

    assert_eq!(deposit.message.sender, own);
    assert!(arrives(&devnet, &deposit).await?);
    assert_eq!(devnet.l2().get_balance(RECIPIENT).await?, ether(1));
    assert_eq!(devnet.l2().get_balance(*depositor.address()).await?, U256::ZERO);
    devnet.check_conservation(&[RECIPIENT, own]).await
}

#[tokio::test]
async fn a_delegated_account_acts_as_itself() -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    let alice = devnet.address(Actor::Alice);
    let delegation = [&[0xef, 0x01, 0x00], devnet.deployment().timelock.address.as_slice()].concat();
    devnet.l1().anvil_set_code(alice, delegation.into()).await?;

    let deposit = devnet.client(Actor::Alice).deposit_eth(alice, ether(1)).await?.state;

    assert_eq!(deposit.message.sender, alice);
    assert!(arrives(&devnet, &deposit).await?);
    assert_eq!(devnet.l2().get_balance(alice).await?, deposit.message.mint);
    Ok(())
}

#[tokio::test]
async fn many_in_one_l1_block_keep_their_order() -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    let alice = devnet.client(Actor::Alice);
    let fee = devnet.bridge().quote(21_000).call().await? * U256::from(2);
    devnet.l1().anvil_set_auto_mine(false).await?;
    let mut pending = Vec::new();
    for _ in 0..20 {
        let bridge = alice.bridge();
        let send = bridge.sendToL2(RECIPIENT, ether(1), 21_000, fee, Bytes::new());
        pending.push(send.value(ether(1) + fee).gas(200_000).send().await?);
    }
    devnet.mine(1).await?;
    devnet.l1().anvil_set_auto_mine(true).await?;

    let mut blocks = Vec::new();
    for (index, pending) in (0..).zip(pending) {
        let deposit = alice.deposits(&pending.mined().await?).remove(0);
        assert_eq!(deposit.message.index, index);
        let receipt = alice.wait_for_deposit(&deposit, PATIENCE).await?;
        assert!(receipt.status());
        blocks.push((receipt.block_number, receipt.transaction_index));
    }
    assert!(blocks.is_sorted());
    assert_eq!(devnet.l2().get_balance(RECIPIENT).await?, ether(20));
    devnet.check_conservation(&[RECIPIENT]).await
}

/// A message to L1 that is sent by a message to L2: the way out of a user whom the sequencer ignores.
#[tokio::test]
async fn a_withdrawal_can_be_sent_from_l1() -> Result<()> {
    let devnet = Devnet::start().await?;
    let alice = devnet.client(Actor::Alice);
    let call = L2Call { mint: ether(1), ..L2Call::withdrawal(RECIPIENT, ether(1), 0, Bytes::new()) };
    let deposit = alice.send_to_l2(call).await?.state;

    let withdrawal = devnet.withdrawal_of(&alice, &deposit).await?;

    assert_eq!(withdrawal.message.sender, devnet.address(Actor::Alice));
    assert_eq!((withdrawal.message.target, withdrawal.message.value), (RECIPIENT, ether(1)));
    let executable = devnet.executable(&withdrawal).await?;
    alice.execute(&executable).await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    devnet.check_conservation(&[]).await
}

/// What a user is told before sending is what it costs.
#[tokio::test]
async fn a_fee_is_known_before() -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    let alice = devnet.client(Actor::Alice);
    let quote = alice.quote(GAS).await?;

    let call = L2Call { target: RECIPIENT, mint: ether(1), value: ether(1), gas_limit: GAS, data: Bytes::new() };
    let deposit = alice.send_to_l2(call).await?.state;

    assert_eq!(deposit.message.fee, quote.fee);
    // What she was ready to pay beyond that is hers on L2.
    assert_eq!(deposit.message.mint, ether(1) + quote.max_fee - quote.fee);
    assert!(arrives(&devnet, &deposit).await?);
    assert_eq!(devnet.l2().get_balance(devnet.address(Actor::Alice)).await?, quote.max_fee - quote.fee);
    devnet.check_conservation(&[RECIPIENT]).await
}

#[tokio::test]
async fn refuses_what_cannot_be_sent() -> Result<()> {
    let devnet = Devnet::with(Roles::REPLICA).await?;
    let (bridge, alice) = (devnet.bridge(), devnet.address(Actor::Alice));
    let fee = ether(1);
    let empty = Bytes::new;

    let to_nobody = bridge.sendToL2(Address::ZERO, U256::ZERO, GAS, fee, empty()).value(fee).from(alice);
    let error = expect_revert::<Bridge::InvalidTarget>(to_nobody.call().await);
    assert_eq!(error.received, Address::ZERO);

    let (minimum, maximum) = (minimum_gas_limit(0), MAX_QUEUED_GAS_LIMIT);
    for received in [0, minimum - 1, maximum + 1, u64::MAX] {
        let send = bridge.sendToL2(RECIPIENT, U256::ZERO, received, fee, empty()).value(fee).from(alice);
        let error = expect_revert::<Bridge::GasLimitOutOfRange>(send.call().await);
        assert_eq!(error, Bridge::GasLimitOutOfRange { received, minimum, maximum });
    }

    let data = Bytes::from(vec![1; MAX_MESSAGE_DATA + 1]);
    let send = bridge.sendToL2(RECIPIENT, U256::ZERO, maximum, fee, data).value(fee).from(alice);
    let error = expect_revert::<Bridge::MessageDataTooLong>(send.call().await);
    assert_eq!(error.received, U256::from(MAX_MESSAGE_DATA + 1));
    assert_eq!(error.maximum, U256::from(MAX_MESSAGE_DATA));

    let price = bridge.quote(GAS).call().await?;
    let less = price - U256::ONE;
    let send = bridge.sendToL2(RECIPIENT, U256::ZERO, GAS, less, empty()).value(fee).from(alice);
    let error = expect_revert::<Bridge::FeeAboveMaximum>(send.call().await);
    assert_eq!(error, Bridge::FeeAboveMaximum { received: price, maximum: less });

    let send = bridge.sendToL2(RECIPIENT, U256::ZERO, GAS, fee, empty()).value(less).from(alice);
    let error = expect_revert::<Bridge::InsufficientFee>(send.call().await);
    assert_eq!(error, Bridge::InsufficientFee { received: less, expected: price });
    Ok(())
}

#[tokio::test]
async fn a_flooded_l1_block_takes_no_more() -> Result<()> {
    let devnet = Devnet::with(Roles::REPLICA).await?;
    let alice = devnet.client(Actor::Alice);
    let available = devnet.bridge().availableGas().call().await?;
    let messages = available / MAX_QUEUED_GAS_LIMIT;
    let fee = ether(1);
    devnet.l1().anvil_set_auto_mine(false).await?;
    let mut pending = Vec::new();
    for _ in 0..=messages {
        let bridge = alice.bridge();
        let send = bridge.sendToL2(RECIPIENT, U256::ZERO, MAX_QUEUED_GAS_LIMIT, fee, Bytes::new());
        pending.push(send.value(fee).gas(200_000).send().await?);
    }
    devnet.mine(1).await?;

    let last = pending.pop().map(|pending| *pending.tx_hash()).unwrap_or_default();
    for pending in pending {
        assert!(pending.mined().await?.status());
    }
    let error = expect_revert::<Bridge::BlockGasExhausted>(Err::<(), _>(devnet.revert_data(last).await?));
    let left = available - messages * MAX_QUEUED_GAS_LIMIT;
    assert_eq!(error, Bridge::BlockGasExhausted { received: MAX_QUEUED_GAS_LIMIT, available: left });
    Ok(())
}
