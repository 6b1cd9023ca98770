//! Tokens: what the gateways do on real chains, by the client that wallets use.

use alloy::{
    primitives::{Address, Bytes, U256, address},
    providers::{DynProvider, Provider},
    signers::SignerSync,
    sol_types::SolError,
};
use eyre::{OptionExt, Result, ensure, eyre};
use postern_bindings::{
    BridgedNFT::ERC721NonexistentToken,
    BridgedToken::{self, ERC20InsufficientAllowance, ERC20InsufficientBalance},
    L1NFTGateway,
    L1TokenGateway::{self, L1TokenGatewayErrors},
    L2TokenGateway,
};
use postern_client::{
    DeliveryStatus, Error, Outcome, Permit, Refusal, Status, TOKEN_DEPOSIT_GAS_LIMIT, TOKEN_WITHDRAWAL_GAS_LIMIT,
    TokenDeposit, TokenTransfer, TokenWithdrawal, Undelivered,
};
use postern_tests::{
    Actor, Client, Devnet, Mined, PATIENCE, Roles, ether, expect_revert,
    targets::{Collection, Receiver, Token},
};
use rstest::rstest;

const NOBODY: Address = address!("0x00000000000000000000000000000000000b0b00");
/// With this a recipient refuses.
const REFUSAL: Bytes = Bytes::from_static(b"not today");

/// So much of the devnet's token, of which 8 decimals are shown.
fn gold(amount: u64) -> U256 {
    U256::from(amount) * U256::from(100_000_000)
}

fn to_l2(token: Address, to: Address, amount_or_id: U256) -> TokenTransfer {
    TokenTransfer { token, to, amount_or_id, gas_limit: TOKEN_DEPOSIT_GAS_LIMIT, data: Bytes::new() }
}

fn to_l1(token: Address, to: Address, amount_or_id: U256) -> TokenTransfer {
    TokenTransfer { gas_limit: TOKEN_WITHDRAWAL_GAS_LIMIT, ..to_l2(token, to, amount_or_id) }
}

/// A token on L1, all of which Alice has, with as much approved for the gateway; and Alice's ETH on L2.
async fn start(roles: Roles) -> Result<(Devnet, Client, Address)> {
    let devnet = Devnet::with_gateways(roles).await?;
    let alice = devnet.client(Actor::Alice);
    devnet.fund(Actor::Alice, ether(1)).await?;
    let token = devnet.token(alice.l1(), Actor::Alice, gold(1_000)).await?;
    let gateway = devnet.gateways().l1_token_gateway.address;
    token.approve(gateway, U256::MAX).send().await?.mined().await?;
    let token = *token.address();
    Ok((devnet, alice, token))
}

/// Deposits, and says what became of it.
async fn deposit(client: &Client, transfer: TokenTransfer) -> Result<(TokenDeposit, DeliveryStatus)> {
    let deposit = client.erc20()?.deposit(transfer).await?.state;
    let status = client.erc20()?.wait_for_delivery(&deposit, PATIENCE).await?;
    Ok((deposit, status))
}

async fn withdraw(client: &Client, transfer: TokenTransfer) -> Result<TokenWithdrawal> {
    Ok(client.erc20()?.withdraw(transfer, U256::ZERO).await?.state)
}

async fn balance(chain: &DynProvider, token: Address, account: Address) -> Result<U256> {
    Ok(Token::new(token, chain).balanceOf(account).call().await?)
}

fn undelivered(status: DeliveryStatus) -> Result<Undelivered> {
    match status {
        DeliveryStatus::Undelivered(undelivered) => Ok(undelivered),
        other => Err(eyre!("{other}")),
    }
}

/// A recipient on L2 of tokens with a call. Not Alice's, or it would have the address on L2 that her token has on L1.
async fn receiver_on_l2(devnet: &Devnet) -> Result<Receiver::ReceiverInstance<DynProvider>> {
    devnet.fund(Actor::Bob, ether(1)).await?;
    let l2 = devnet.client(Actor::Bob).l2().clone();
    Ok(Receiver::new(devnet.deploy(&l2, "Receiver", ()).await?, l2))
}

#[tokio::test]
async fn an_erc20_goes_to_l2_and_comes_back() -> Result<()> {
    let (devnet, alice, token) = start(Roles::OPERATOR).await?;
    let (bob, recipient) = (devnet.client(Actor::Bob), devnet.address(Actor::Bob));
    devnet.fund(Actor::Bob, ether(1)).await?;

    let (sent, status) = deposit(&alice, to_l2(token, devnet.address(Actor::Alice), gold(100))).await?;
    assert_eq!(status, DeliveryStatus::Delivered);
    assert!(sent.registration.is_some(), "the first deposit makes the token known");
    assert_eq!(alice.erc20()?.delivery_status(&sent).await?, DeliveryStatus::Delivered);
    // The bridge has what L2 gas costs, the gateway nothing.
    assert_eq!(devnet.l1().get_balance(devnet.gateways().l1_token_gateway.address).await?, U256::ZERO);
    let twin = alice.erc20()?.twin_on_l2(token);
    let on_l2 = Token::new(twin, alice.l2());
    assert_eq!(on_l2.name().call().await?, "Gold");
    assert_eq!(on_l2.symbol().call().await?, "GLD");
    assert_eq!(on_l2.decimals().call().await?, 8);
    devnet.check_token(token).await?;

    on_l2.transfer(recipient, gold(40)).send().await?.mined().await?;
    let withdrawal = withdraw(&bob, to_l1(twin, NOBODY, gold(30))).await?;
    assert_eq!((withdrawal.registration.as_ref(), withdrawal.tip.as_ref()), (None, None));
    devnet.check_token(token).await?;
    assert_eq!(devnet.release(&withdrawal).await?, [Outcome::Executed]);

    assert_eq!(balance(devnet.l1(), token, NOBODY).await?, gold(30));
    assert_eq!(on_l2.balanceOf(recipient).call().await?, gold(10));
    assert_eq!(on_l2.balanceOf(devnet.address(Actor::Alice)).call().await?, gold(60));
    assert_eq!(devnet.token_ledger(token).await?.locked, gold(70));
    devnet.check_token(token).await?;

    // The next deposit has nothing to make known.
    let (sent, status) = deposit(&alice, to_l2(token, NOBODY, gold(1))).await?;
    assert_eq!((sent.registration, status), (None, DeliveryStatus::Delivered));
    devnet.check_token(token).await
}

/// Each step of its way to L1 that ETH takes, with the same statuses.
#[tokio::test]
async fn step_by_step_to_l1() -> Result<()> {
    let (devnet, alice, token) = start(Roles::OPERATOR).await?;
    let stranger = devnet.client(Actor::Stranger);
    deposit(&alice, to_l2(token, devnet.address(Actor::Alice), gold(5))).await?;
    let twin = alice.erc20()?.twin_on_l2(token);
    let withdrawal = withdraw(&alice, to_l1(twin, NOBODY, gold(5))).await?.withdrawal;

    let proven = stranger.prove(&devnet.provable(&withdrawal).await?).await?.state;
    assert_eq!(stranger.status(&withdrawal).await?, Status::WaitingToFinalize);
    assert_eq!(balance(devnet.l1(), token, NOBODY).await?, U256::ZERO);
    devnet.warp_past_challenge_window().await?;
    stranger.wait_to_finalize(&proven, PATIENCE).await?;
    stranger.finalize(&proven).await?;

    assert_eq!(stranger.status(&withdrawal).await?, Status::Finalized);
    assert_eq!(balance(devnet.l1(), token, NOBODY).await?, gold(5));
    devnet.check_token(token).await
}

/// A token of L2: locked there, minted on L1, burned and released again. Its twin has to be made known first.
#[tokio::test]
async fn an_erc20_of_l2_goes_to_l1_and_comes_back() -> Result<()> {
    let devnet = Devnet::with_gateways(Roles::OPERATOR).await?;
    let (alice, stranger) = (devnet.client(Actor::Alice), devnet.client(Actor::Stranger));
    devnet.fund(Actor::Alice, ether(1)).await?;
    let token = devnet.token(alice.l2(), Actor::Alice, gold(1_000)).await?;
    let gateway = devnet.gateways().l2_token_gateway.address;
    token.approve(gateway, gold(100)).send().await?.mined().await?;
    let owner = devnet.address(Actor::Alice);

    let withdrawal = withdraw(&alice, to_l1(*token.address(), owner, gold(100))).await?;
    let registration = withdrawal.registration.clone().ok_or_eyre("the first withdrawal makes the token known")?;
    assert_eq!(registration.message.index + 1, withdrawal.withdrawal.message.index);
    assert_eq!(token.balanceOf(gateway).call().await?, gold(100));
    // Tokens before their name: refused, and claimable on.
    let early = devnet.executable(&withdrawal.withdrawal).await?;
    let Err(Error::Refused(refusal)) = stranger.execute(&early).await else { panic!("it is executed") };
    let unknown = L1TokenGateway::TwinNotCreated { homeToken: *token.address() };
    assert!(
        matches!(
            refusal.reason(),
            Some(Refusal::Gateway(L1TokenGatewayErrors::TwinNotCreated(error))) if error == unknown
        ),
        "{refusal}"
    );
    assert_eq!(devnet.release(&withdrawal).await?, [Outcome::Executed, Outcome::Executed]);

    let twin = alice.erc20()?.twin_on_l1(*token.address());
    let on_l1 = Token::new(twin, alice.l1());
    assert_eq!(on_l1.symbol().call().await?, "GLD");
    assert_eq!(on_l1.balanceOf(owner).call().await?, gold(100));

    // The twin is burned without approval.
    let (sent, status) = deposit(&alice, to_l2(twin, NOBODY, gold(60))).await?;
    assert_eq!((sent.registration, status), (None, DeliveryStatus::Delivered));
    assert_eq!(on_l1.totalSupply().call().await?, gold(40));
    assert_eq!(token.balanceOf(NOBODY).call().await?, gold(60));
    assert_eq!(token.balanceOf(gateway).call().await?, gold(40));
    Ok(())
}

/// One transaction instead of two; and whoever uses the permit first does no harm.
#[rstest]
#[case::unused(false)]
#[case::used_by_another(true)]
#[tokio::test]
async fn a_deposit_with_permit(#[case] used: bool) -> Result<()> {
    let devnet = Devnet::with_gateways(Roles::SEQUENCER).await?;
    let (alice, owner) = (devnet.client(Actor::Alice), devnet.address(Actor::Alice));
    let token = devnet.token(alice.l1(), Actor::Alice, gold(1_000)).await?;
    let deadline = U256::from(devnet.l1_head().await?.time + 3600);
    let hash = alice.erc20()?.deposit_permit_hash(*token.address(), owner, gold(7), deadline).await?;
    let permit = Permit { deadline, signature: devnet.signer(Actor::Alice).sign_hash_sync(&hash)? };
    if used {
        let mallory = devnet.client(Actor::Mallory);
        let (v, signature) = (27 + u8::from(permit.signature.v()), permit.signature);
        let gateway = devnet.gateways().l1_token_gateway.address;
        // Any token with permit has it in this form.
        let token = BridgedToken::new(*token.address(), mallory.l1());
        let permit = token.permit(owner, gateway, gold(7), deadline, v, signature.r().into(), signature.s().into());
        ensure!(permit.send().await?.mined().await?.status());
    }

    let transfer = to_l2(*token.address(), NOBODY, gold(7));
    let sent = alice.erc20()?.deposit_with_permit(transfer.clone(), permit).await?.state;
    assert_eq!(alice.erc20()?.wait_for_delivery(&sent, PATIENCE).await?, DeliveryStatus::Delivered);
    devnet.check_token(*token.address()).await?;

    // It holds once.
    let again: ERC20InsufficientAllowance = expect_revert(alice.erc20()?.deposit_with_permit(transfer, permit).await);
    assert_eq!((again.allowance, again.needed), (U256::ZERO, gold(7)));
    Ok(())
}

#[tokio::test]
async fn a_withdrawal_with_permit() -> Result<()> {
    let devnet = Devnet::with_gateways(Roles::OPERATOR).await?;
    let (alice, owner) = (devnet.client(Actor::Alice), devnet.address(Actor::Alice));
    devnet.fund(Actor::Alice, ether(1)).await?;
    let token = devnet.token(alice.l2(), Actor::Alice, gold(1_000)).await?;
    let deadline = U256::MAX;
    let hash = alice.erc20()?.withdrawal_permit_hash(*token.address(), owner, gold(7), deadline).await?;
    let permit = Permit { deadline, signature: devnet.signer(Actor::Alice).sign_hash_sync(&hash)? };

    let transfer = to_l1(*token.address(), NOBODY, gold(7));
    let withdrawal = alice.erc20()?.withdraw_with_permit(transfer, U256::from(1_000), permit).await?.state;

    let tip = withdrawal.tip.clone().ok_or_eyre("there is no tip")?;
    assert_eq!(tip.message.value, U256::from(1_000));
    let before = devnet.l1().get_balance(devnet.gateways().relay_tip.address).await?;
    assert_eq!(devnet.release(&withdrawal).await?, [Outcome::Executed, Outcome::Executed, Outcome::Executed]);
    assert_eq!(devnet.l1().get_balance(devnet.gateways().relay_tip.address).await?, before, "all of it is paid on");
    let twin = alice.erc20()?.twin_on_l1(*token.address());
    assert_eq!(balance(devnet.l1(), twin, NOBODY).await?, gold(7));
    Ok(())
}

/// The recipient on L2 is called, by the gateway, and told who sent what.
#[tokio::test]
async fn a_call_on_arrival_on_l2() -> Result<()> {
    let (devnet, alice, token) = start(Roles::SEQUENCER).await?;
    let receiver = receiver_on_l2(&devnet).await?;
    let twin = alice.erc20()?.twin_on_l2(token);

    let data = Bytes::from_static(b"for the rent");
    let transfer = TokenTransfer { data: data.clone(), ..to_l2(token, *receiver.address(), gold(3)) };
    assert_eq!(deposit(&alice, transfer).await?.1, DeliveryStatus::Delivered);

    assert_eq!(receiver.calls().call().await?, U256::ONE);
    assert_eq!(receiver.caller().call().await?, devnet.gateways().l2_token_gateway.address);
    assert_eq!(receiver.token().call().await?, twin);
    assert_eq!(receiver.from().call().await?, devnet.address(Actor::Alice));
    assert_eq!(receiver.amountOrId().call().await?, gold(3));
    assert_eq!(receiver.data().call().await?, data);
    assert_eq!(balance(alice.l2(), twin, *receiver.address()).await?, gold(3));
    Ok(())
}

/// On L1 a refusal undoes the arrival, and the message waits for a better day.
#[tokio::test]
async fn a_refused_call_on_l1_stays_claimable() -> Result<()> {
    let (devnet, alice, token) = start(Roles::OPERATOR).await?;
    let stranger = devnet.client(Actor::Stranger);
    deposit(&alice, to_l2(token, devnet.address(Actor::Alice), gold(9))).await?;
    let twin = alice.erc20()?.twin_on_l2(token);
    let receiver = Receiver::new(devnet.deploy(alice.l1(), "Receiver", ()).await?, alice.l1());
    receiver.setRefusal(REFUSAL).send().await?.mined().await?;
    let data = Bytes::from_static(b"for the rent");
    let transfer = TokenTransfer { data: data.clone(), ..to_l1(twin, *receiver.address(), gold(9)) };
    let withdrawal = withdraw(&alice, transfer).await?;

    assert_eq!(devnet.release(&withdrawal).await?, [Outcome::Failed(REFUSAL)]);
    assert_eq!(balance(devnet.l1(), token, *receiver.address()).await?, U256::ZERO);
    assert_ne!(stranger.status(&withdrawal.withdrawal).await?, Status::Finalized);
    devnet.check_token(token).await?;

    receiver.setRefusal(Bytes::new()).send().await?.mined().await?;
    assert_eq!(devnet.release(&withdrawal).await?, [Outcome::Executed]);
    assert_eq!(receiver.caller().call().await?, devnet.gateways().l1_token_gateway.address);
    assert_eq!(receiver.from().call().await?, devnet.address(Actor::Alice));
    assert_eq!(receiver.data().call().await?, data);
    assert_eq!(balance(devnet.l1(), token, *receiver.address()).await?, gold(9));
    devnet.check_token(token).await
}

/// A message to L2 runs once. What it brought waits, and anyone can try again, as often as it takes, but only once with success.
#[tokio::test]
async fn a_refused_delivery_on_l2_is_redelivered() -> Result<()> {
    let (devnet, alice, token) = start(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Stranger, ether(1)).await?;
    let stranger = devnet.client(Actor::Stranger);
    let receiver = receiver_on_l2(&devnet).await?;
    receiver.setRefusal(REFUSAL).send().await?.mined().await?;
    let transfer = TokenTransfer { data: REFUSAL, ..to_l2(token, *receiver.address(), gold(2)) };

    let (sent, status) = deposit(&alice, transfer).await?;
    let waiting = undelivered(status)?;
    assert_eq!(waiting.reason, REFUSAL);
    devnet.check_token(token).await?;
    let failed: L2TokenGateway::DeliveryFailedAgain = expect_revert(stranger.erc20()?.redeliver(&waiting).await);
    assert_eq!((failed.id, failed.reason), (waiting.id(), REFUSAL));

    receiver.setRefusal(Bytes::new()).send().await?.mined().await?;
    stranger.erc20()?.redeliver(&waiting).await?;
    assert_eq!(alice.erc20()?.delivery_status(&sent).await?, DeliveryStatus::Delivered);
    assert_eq!(receiver.calls().call().await?, U256::ONE);
    let again: L2TokenGateway::NotUndelivered = expect_revert(stranger.erc20()?.redeliver(&waiting).await);
    assert_eq!(again.id, waiting.id());
    devnet.check_token(token).await
}

/// Gas for the record, and none for the delivery: nothing is lost.
#[tokio::test]
async fn a_deposit_with_too_little_gas_is_redelivered() -> Result<()> {
    let (devnet, alice, token) = start(Roles::SEQUENCER).await?;
    deposit(&alice, to_l2(token, NOBODY, gold(1))).await?;
    let gas_limit = alice.erc20()?.on_l1().minimumGasLimit(U256::ZERO).call().await?;

    let poor = TokenTransfer { gas_limit, ..to_l2(token, NOBODY, gold(2)) };
    let (sent, status) = deposit(&alice, poor.clone()).await?;
    let waiting = undelivered(status)?;
    assert_eq!(waiting.reason, Bytes::new(), "it ran out of gas");
    alice.erc20()?.redeliver(&waiting).await?;

    assert_eq!(alice.erc20()?.delivery_status(&sent).await?, DeliveryStatus::Delivered);
    assert_eq!(balance(alice.l2(), alice.erc20()?.twin_on_l2(token), NOBODY).await?, gold(3));
    let poorer = TokenTransfer { gas_limit: gas_limit - 1, ..poor };
    let refused: L1TokenGateway::GasLimitBelowMinimum = expect_revert(alice.erc20()?.deposit(poorer).await);
    assert_eq!((refused.received, refused.minimum), (gas_limit - 1, gas_limit));
    devnet.check_token(token).await
}

/// Who sent them gets them back on L1, at their own word only.
#[tokio::test]
async fn a_refused_delivery_on_l2_is_sent_back() -> Result<()> {
    let (devnet, alice, token) = start(Roles::OPERATOR).await?;
    devnet.fund(Actor::Mallory, ether(1)).await?;
    let (mallory, owner) = (devnet.client(Actor::Mallory), devnet.address(Actor::Alice));
    let receiver = receiver_on_l2(&devnet).await?;
    receiver.setRefusal(REFUSAL).send().await?.mined().await?;
    let transfer = TokenTransfer { data: REFUSAL, ..to_l2(token, *receiver.address(), gold(400)) };
    let (sent, status) = deposit(&alice, transfer).await?;
    let waiting = undelivered(status)?;

    let refused: L2TokenGateway::NotParty = expect_revert(mallory.erc20()?.send_back(&waiting).await);
    assert_eq!(refused.received, devnet.address(Actor::Mallory));
    let back = alice.erc20()?.send_back(&waiting).await?.state;
    assert_eq!(alice.erc20()?.delivery_status(&sent).await?, DeliveryStatus::SentBack);
    let executable = devnet.executable(&back).await?;
    mallory.execute(&executable).await?;

    assert_eq!(balance(devnet.l1(), token, owner).await?, gold(1_000));
    assert_eq!(devnet.token_ledger(token).await?.locked, U256::ZERO);
    devnet.check_token(token).await
}

/// A sequencer that ignores Alice: her tokens leave by L1's queue.
#[tokio::test]
async fn a_censored_user_takes_tokens_out() -> Result<()> {
    /// More L1 blocks than the flow has.
    const CONFIRMATIONS: u64 = 100;
    let mut devnet = Devnet::with_gateways(Roles::OPERATOR).await?;
    let alice = devnet.client(Actor::Alice);
    let token = devnet.token(alice.l1(), Actor::Alice, gold(50)).await?;
    token.approve(devnet.gateways().l1_token_gateway.address, gold(50)).send().await?.mined().await?;
    deposit(&alice, to_l2(*token.address(), devnet.address(Actor::Alice), gold(50))).await?;
    let twin = alice.erc20()?.twin_on_l2(*token.address());
    devnet.posted().await?;
    devnet.retune(|config| config.l1_confirmations = CONFIRMATIONS).await?;

    let call = alice.erc20()?.forced_withdrawal(to_l1(twin, NOBODY, gold(50)), U256::ZERO);
    let queued = alice.send_to_l2(call).await?.state;
    let inclusion = alice.inclusion(&queued).await?;
    devnet.warp_to(inclusion.stampable_at.ok_or_eyre("it is stamped")?).await?;
    alice.stamp().await?;
    let inclusion = alice.inclusion(&queued).await?;
    devnet.warp_to(inclusion.forceable_at.ok_or_eyre("it is ordered")?).await?;
    alice.wait_to_force(&queued, PATIENCE).await?;
    alice.force_include().await?;

    let receipt = alice.wait_for_deposit(&queued, PATIENCE).await?;
    let withdrawal = alice.erc20()?.withdrawn(&receipt)?;
    assert_eq!(withdrawal.amount_or_id, gold(50));
    assert_eq!(devnet.release(&withdrawal).await?, [Outcome::Executed]);
    assert_eq!(balance(devnet.l1(), *token.address(), NOBODY).await?, gold(50));
    devnet.check_token(*token.address()).await
}

/// What arrives counts, on each crossing.
#[tokio::test]
async fn a_token_that_takes_a_fee() -> Result<()> {
    let (devnet, alice, _) = start(Roles::OPERATOR).await?;
    let token = Token::new(devnet.deploy(alice.l1(), "FeeToken", ()).await?, alice.l1());
    let owner = devnet.address(Actor::Alice);
    token.mint(owner, U256::from(10_000)).send().await?.mined().await?;
    token.approve(devnet.gateways().l1_token_gateway.address, U256::MAX).send().await?.mined().await?;

    let (sent, status) = deposit(&alice, to_l2(*token.address(), owner, U256::from(10_000))).await?;
    assert_eq!((sent.amount_or_id, status), (U256::from(9_900), DeliveryStatus::Delivered));
    let twin = alice.erc20()?.twin_on_l2(*token.address());
    assert_eq!(balance(alice.l2(), twin, owner).await?, U256::from(9_900));
    devnet.check_token(*token.address()).await?;

    let withdrawal = withdraw(&alice, to_l1(twin, NOBODY, U256::from(9_900))).await?;
    assert_eq!(devnet.release(&withdrawal).await?, [Outcome::Executed]);
    assert_eq!(balance(devnet.l1(), *token.address(), NOBODY).await?, U256::from(9_801));
    assert_eq!(balance(devnet.l1(), *token.address(), devnet.gateways().l1_token_gateway.address).await?, U256::ZERO);
    Ok(())
}

/// A token that stands still stands still alone: in the same batch of messages another arrives.
#[tokio::test]
async fn a_paused_token_holds_up_no_other() -> Result<()> {
    let (devnet, alice, token) = start(Roles::OPERATOR).await?;
    let paused = Token::new(devnet.deploy(alice.l1(), "PausableToken", ()).await?, alice.l1());
    let (gateway, owner) = (devnet.gateways().l1_token_gateway.address, devnet.address(Actor::Alice));
    paused.mint(owner, gold(10)).send().await?.mined().await?;
    paused.approve(gateway, gold(10)).send().await?.mined().await?;
    let mut messages = Vec::new();
    for token in [*paused.address(), token] {
        deposit(&alice, to_l2(token, owner, gold(10))).await?;
        let twin = alice.erc20()?.twin_on_l2(token);
        messages.extend(withdraw(&alice, to_l1(twin, NOBODY, gold(10))).await?.messages());
    }
    paused.setPaused(true).send().await?.mined().await?;

    let stranger = devnet.client(Actor::Stranger);
    devnet.executable(&messages[1]).await?;
    let batch = stranger.wait_to_execute_many(&messages, PATIENCE).await?;
    let outcomes = stranger.execute_many(&batch).await?.state;
    let Outcome::Failed(reason) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert_eq!(reason[..4], Token::EnforcedPause::SELECTOR);
    assert_eq!(outcomes[1], Outcome::Executed);
    assert_eq!(balance(devnet.l1(), token, NOBODY).await?, gold(10));
    devnet.check_token(*paused.address()).await?;

    paused.setPaused(false).send().await?.mined().await?;
    assert_eq!(stranger.execute_many(&batch).await?.state, [Outcome::Executed, Outcome::Skipped]);
    devnet.check_token(*paused.address()).await?;
    devnet.check_token(token).await
}

/// A token that returns nothing where it should say that it succeeded is as good as any.
#[tokio::test]
async fn a_token_that_returns_nothing() -> Result<()> {
    let (devnet, alice, _) = start(Roles::OPERATOR).await?;
    let token = Token::new(devnet.deploy(alice.l1(), "NoReturnToken", ()).await?, alice.l1());
    let owner = devnet.address(Actor::Alice);
    token.mint(owner, gold(1)).send().await?.mined().await?;
    token.approve(devnet.gateways().l1_token_gateway.address, gold(1)).send().await?.mined().await?;

    deposit(&alice, to_l2(*token.address(), owner, gold(1))).await?;
    let twin = Token::new(alice.erc20()?.twin_on_l2(*token.address()), alice.l2());
    assert_eq!(twin.balanceOf(owner).call().await?, gold(1));
    assert_eq!(twin.decimals().call().await?, 0, "it says nothing of decimals");
    let withdrawal = withdraw(&alice, to_l1(*twin.address(), NOBODY, gold(1))).await?;
    assert_eq!(devnet.release(&withdrawal).await?, [Outcome::Executed]);
    assert_eq!(token.balanceOf(NOBODY).call().await?, gold(1));
    devnet.check_token(*token.address()).await
}

#[tokio::test]
async fn an_erc721_goes_to_l2_and_comes_back() -> Result<()> {
    let devnet = Devnet::with_gateways(Roles::OPERATOR).await?;
    let (alice, owner) = (devnet.client(Actor::Alice), devnet.address(Actor::Alice));
    devnet.fund(Actor::Alice, ether(1)).await?;
    let id = U256::from(721);
    let collection = devnet.collection(alice.l1(), Actor::Alice, id).await?;
    let (gateway, address) = (devnet.gateways().l1_nft_gateway.address, *collection.address());
    collection.approve(gateway, id).send().await?.mined().await?;

    let nfts = alice.erc721()?;
    let sent = nfts.deposit(to_l2(address, owner, id)).await?.state;
    assert_eq!(nfts.wait_for_delivery(&sent, PATIENCE).await?, DeliveryStatus::Delivered);
    assert_eq!(collection.ownerOf(id).call().await?, gateway);
    let twin = Collection::new(nfts.twin_on_l2(address), alice.l2());
    assert_eq!(twin.ownerOf(id).call().await?, owner);
    assert_eq!(twin.symbol().call().await?, "PLAIN");
    // Where to ask what it is: at home.
    let reference = format!("ethereum:{}@31337/tokenURI?uint256=721", address.to_string().to_lowercase());
    assert_eq!(twin.tokenURI(id).call().await?.to_lowercase(), reference.to_lowercase());

    let withdrawal = nfts.withdraw(to_l1(*twin.address(), NOBODY, id), U256::ZERO).await?.state;
    assert_eq!(withdrawal.amount_or_id, id);
    let gone: ERC721NonexistentToken = expect_revert(twin.ownerOf(id).call().await);
    assert_eq!(gone.tokenId, id);
    assert_eq!(devnet.release(&withdrawal).await?, [Outcome::Executed]);
    assert_eq!(collection.ownerOf(id).call().await?, NOBODY);
    Ok(())
}

#[tokio::test]
async fn an_erc721_of_l2_goes_to_l1_and_comes_back() -> Result<()> {
    let devnet = Devnet::with_gateways(Roles::OPERATOR).await?;
    let (alice, owner) = (devnet.client(Actor::Alice), devnet.address(Actor::Alice));
    devnet.fund(Actor::Alice, ether(1)).await?;
    let id = U256::from(7);
    let collection = devnet.collection(alice.l2(), Actor::Alice, id).await?;
    collection.approve(devnet.gateways().l2_nft_gateway.address, id).send().await?.mined().await?;

    let nfts = alice.erc721()?;
    let withdrawal = nfts.withdraw(to_l1(*collection.address(), owner, id), U256::ZERO).await?.state;
    assert_eq!(devnet.release(&withdrawal).await?, [Outcome::Executed, Outcome::Executed]);
    let twin = nfts.twin_on_l1(*collection.address());
    assert_eq!(Collection::new(twin, alice.l1()).ownerOf(id).call().await?, owner);

    let sent = nfts.deposit(to_l2(twin, NOBODY, id)).await?.state;
    assert_eq!(nfts.wait_for_delivery(&sent, PATIENCE).await?, DeliveryStatus::Delivered);
    assert_eq!(collection.ownerOf(id).call().await?, NOBODY);
    Ok(())
}

/// An ERC-721 with a call: refused on arrival it waits, and is tried again or sent back, as an ERC-20 is.
#[tokio::test]
async fn a_refused_erc721_on_l2_is_redelivered_or_sent_back() -> Result<()> {
    let devnet = Devnet::with_gateways(Roles::OPERATOR).await?;
    let (alice, owner) = (devnet.client(Actor::Alice), devnet.address(Actor::Alice));
    devnet.fund(Actor::Alice, ether(1)).await?;
    let receiver = receiver_on_l2(&devnet).await?;
    let (kept, returned) = (U256::from(1), U256::from(2));
    let collection = devnet.collection(alice.l1(), Actor::Alice, kept).await?;
    collection.mint(owner, returned).send().await?.mined().await?;
    let (nfts, gateways) = (alice.erc721()?, devnet.gateways());
    let twin = Collection::new(nfts.twin_on_l2(*collection.address()), alice.l2());

    receiver.setRefusal(REFUSAL).send().await?.mined().await?;
    let refuse = async |id| -> Result<_> {
        collection.approve(gateways.l1_nft_gateway.address, id).send().await?.mined().await?;
        let data = Bytes::from_static(b"for the wall");
        let transfer = TokenTransfer { data, ..to_l2(*collection.address(), *receiver.address(), id) };
        let sent = nfts.deposit(transfer).await?.state;
        let waiting = undelivered(nfts.wait_for_delivery(&sent, PATIENCE).await?)?;
        assert_eq!(waiting.reason, REFUSAL);
        let missing: ERC721NonexistentToken = expect_revert(twin.ownerOf(id).call().await);
        assert_eq!(missing.tokenId, id);
        Ok((sent, waiting))
    };
    let (sent_kept, waiting_kept) = refuse(kept).await?;
    let (sent_returned, waiting_returned) = refuse(returned).await?;

    let back = nfts.send_back(&waiting_returned).await?.state;
    assert_eq!(nfts.delivery_status(&sent_returned).await?, DeliveryStatus::SentBack);
    receiver.setRefusal(Bytes::new()).send().await?.mined().await?;
    nfts.redeliver(&waiting_kept).await?;
    assert_eq!(nfts.delivery_status(&sent_kept).await?, DeliveryStatus::Delivered);
    assert_eq!(twin.ownerOf(kept).call().await?, *receiver.address());
    assert_eq!(receiver.caller().call().await?, gateways.l2_nft_gateway.address);
    assert_eq!((receiver.from().call().await?, receiver.amountOrId().call().await?), (owner, kept));

    let executable = devnet.executable(&back).await?;
    devnet.client(Actor::Stranger).execute(&executable).await?;
    assert_eq!(collection.ownerOf(returned).call().await?, owner);
    assert_eq!(collection.ownerOf(kept).call().await?, gateways.l1_nft_gateway.address);
    Ok(())
}

/// Each in the words of the contract that refuses, before anything is sent.
#[tokio::test]
async fn bad_input_is_refused_with_a_typed_error() -> Result<()> {
    let (devnet, alice, token) = start(Roles::SEQUENCER).await?;
    let (erc20, erc721) = (alice.erc20()?, alice.erc721()?);
    let gateways = devnet.gateways();
    let (good, amount) = (to_l2(token, NOBODY, gold(1)), gold(1));

    for to in [Address::ZERO, token, gateways.l2_token_gateway.address] {
        let transfer = TokenTransfer { to, ..good.clone() };
        let error: L1TokenGateway::InvalidRecipient = expect_revert(erc20.deposit(transfer).await);
        assert_eq!(error.received, to);
    }
    for token in [NOBODY, gateways.l1_token_gateway.address] {
        let error: L1TokenGateway::InvalidToken = expect_revert(erc20.deposit(to_l2(token, NOBODY, amount)).await);
        assert_eq!(error.received, token);
    }
    let none: L1TokenGateway::NothingReceived = expect_revert(erc20.deposit(to_l2(token, NOBODY, U256::ZERO)).await);
    assert_eq!(none.token, token);
    let error: ERC20InsufficientBalance = expect_revert(erc20.deposit(to_l2(token, NOBODY, gold(1_001))).await);
    assert_eq!((error.balance, error.needed), (gold(1_000), gold(1_001)));

    // Each kind to its own gateway.
    let collection = *devnet.collection(alice.l1(), Actor::Alice, U256::ONE).await?.address();
    let error: L1TokenGateway::InvalidToken = expect_revert(erc20.deposit(to_l2(collection, NOBODY, U256::ONE)).await);
    assert_eq!(error.received, collection);
    let error: L1NFTGateway::InvalidToken = expect_revert(erc721.deposit(to_l2(token, NOBODY, U256::ONE)).await);
    assert_eq!(error.received, token);

    let mallory = devnet.client(Actor::Mallory);
    let error: ERC20InsufficientAllowance = expect_revert(mallory.erc20()?.deposit(good).await);
    assert_eq!(error.spender, gateways.l1_token_gateway.address);
    Ok(())
}

#[tokio::test]
async fn a_deployment_without_gateways() -> Result<()> {
    let devnet = Devnet::with(Roles::REPLICA).await?;
    let alice = devnet.client(Actor::Alice);
    assert!(matches!(alice.erc20(), Err(Error::NoGateways)));
    assert!(matches!(alice.erc721(), Err(Error::NoGateways)));
    assert!(matches!(alice.tip(0, U256::ONE).await, Err(Error::NoGateways)));
    Ok(())
}
