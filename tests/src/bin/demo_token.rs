//! `make demo-token`: an ERC-20 goes to L2 with a permit, moves there, and comes back: at once, by a market maker who takes over the
//! withdrawal, and the maker at finality, by a relayer who is tipped for it.

use std::process::ExitCode;

use alloy::{
    primitives::{Address, B256, U256, utils::format_units},
    providers::Provider,
    signers::SignerSync,
    sol_types::SolValue,
};
use eyre::{Result, ensure};
use postern_bindings::{FastExit, RelayTip};
use postern_client::{
    DeliveryStatus, Permit, Status, TOKEN_DEPOSIT_GAS_LIMIT, TOKEN_WITHDRAWAL_GAS_LIMIT, TokenTransfer, Withdrawal,
};
use postern_tests::{
    Actor, Devnet, MarketMaker, Mined, PATIENCE, Roles, TokenLedger, ether, eventually,
    stage::{chapter, fact, shown, transaction},
    targets::Token,
};

const DECIMALS: u8 = 8;

#[tokio::main]
async fn main() -> ExitCode {
    match play().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo-token: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn play() -> Result<()> {
    let (deposited, moved, withdrawn, fee) = (gold(500), gold(200), gold(150), gold(1));
    let tip = U256::from(2_000_000_000_000_000_u64);

    println!(
        "Starting L1 (Anvil) and L2, deploying the contracts with script/Deploy.s.sol and script/DeployGateways.s.sol …"
    );
    let devnet = Devnet::with_gateways(Roles::ALL).await?;
    let gateways = devnet.gateways();
    let [alice, bob, maker] = [Actor::Alice, Actor::Bob, Actor::Stranger].map(|actor| devnet.client(actor));
    let [alices, bobs, makers] = [Actor::Alice, Actor::Bob, Actor::Stranger].map(|actor| devnet.address(actor));
    devnet.fund(Actor::Alice, ether(1)).await?;
    devnet.fund(Actor::Bob, ether(1)).await?;
    let on_l1 = devnet.token(alice.l1(), Actor::Alice, gold(1_000)).await?;
    let token = *on_l1.address();
    on_l1.mint(makers, gold(1_000)).send().await?.mined().await?;
    chapter("The gateways, from L1 alone: those of L2 came by messages to its Create2Factory");
    fact("L1TokenGateway", gateways.l1_token_gateway.address);
    fact("L2TokenGateway", gateways.l2_token_gateway.address);
    fact("FastExit", gateways.fast_exit.address);
    fact("RelayTip", gateways.relay_tip.address);
    fact("token on L1", format_args!("{token}, {} {}", on_l1.name().call().await?, on_l1.symbol().call().await?));

    chapter(&format!("Alice deposits {} with a permit, in one transaction", in_gold(deposited)));
    let erc20 = alice.erc20()?;
    let deadline = U256::from(devnet.l1_head().await?.time + 3600);
    let hash = erc20.deposit_permit_hash(token, alices, deposited, deadline).await?;
    let permit = Permit { deadline, signature: devnet.signer(Actor::Alice).sign_hash_sync(&hash)? };
    let transfer = TokenTransfer {
        token,
        to: alices,
        amount_or_id: deposited,
        gas_limit: TOKEN_DEPOSIT_GAS_LIMIT,
        ..TokenTransfer::default()
    };
    let sent = erc20.deposit_with_permit(transfer, permit).await?;
    transaction("L1", "gateway.depositWithPermit", &sent.receipt);
    let status = erc20.wait_for_delivery(&sent.state, PATIENCE).await?;
    fact("delivery", &status);
    ensure!(status == DeliveryStatus::Delivered, "the deposit was not delivered");
    let twin = erc20.twin_on_l2(token);
    let on_l2 = Token::new(twin, alice.l2());
    let (name, symbol) = (on_l2.name().call().await?, on_l2.symbol().call().await?);
    fact("its twin on L2", format_args!("{twin}, {name} {symbol}, {} decimals", on_l2.decimals().call().await?));
    sums(&devnet, token).await?;

    chapter(&format!("Alice sends Bob {} on L2", in_gold(moved)));
    let receipt = on_l2.transfer(bobs, moved).send().await?.mined().await?;
    ensure!(receipt.status(), "the transfer failed");
    transaction("L2", "transfer", &receipt);

    chapter(&format!("Bob withdraws {} through the market, for a fee of {}", in_gold(withdrawn), in_gold(fee)));
    let deadline = devnet.l1_head().await?.time + 600;
    let terms = FastExit::Terms { recipient: bobs, fee, deadline, salt: B256::ZERO };
    let transfer = TokenTransfer {
        token: twin,
        to: gateways.fast_exit.address,
        amount_or_id: withdrawn,
        gas_limit: TOKEN_WITHDRAWAL_GAS_LIMIT,
        data: terms.abi_encode().into(),
    };
    let sent = bob.erc20()?.withdraw(transfer, tip).await?;
    transaction("L2", "gateway.withdraw", &sent.receipt);
    let withdrawal = sent.state.withdrawal;
    fact("message", withdrawal.message.index);
    fact("tip for its execution", format_args!("{} ETH", shown(tip)));
    sums(&devnet, token).await?;

    chapter("A market maker, whose own node derives the message from L1, pays Bob at once, and owns the claim");
    let market_maker = MarketMaker::start(&devnet, Actor::Stranger).await?;
    let (claim, index) = market_maker.verify(&devnet, sent.receipt.transaction_hash).await?;
    ensure!((claim.token, claim.amount, claim.fee) == (token, withdrawn, fee), "the claim is another");
    let market = FastExit::new(gateways.fast_exit.address, maker.l1());
    Token::new(token, maker.l1()).approve(*market.address(), withdrawn).send().await?.mined().await?;
    let receipt = market.fill(claim, index).send().await?.mined().await?;
    ensure!(receipt.status(), "the fill failed");
    transaction("L1", "FastExit.fill", &receipt);
    let paid = on_l1.balanceOf(bobs).call().await?;
    fact("Bob has on L1", in_gold(paid));
    ensure!(paid == withdrawn - fee, "Bob was not paid");
    status_of(&devnet, &withdrawal).await?;

    chapter("The challenge window passes (the devnet's clock is put forward), and a relayer executes what is final");
    let before = on_l1.balanceOf(makers).call().await?;
    devnet.provable(&withdrawal).await?;
    devnet.warp_past_challenge_window().await?;
    eventually("the relayer executes the message", || async {
        Ok((maker.status(&withdrawal).await? == Status::Finalized).then_some(()))
    })
    .await?;
    status_of(&devnet, &withdrawal).await?;
    let earned = on_l1.balanceOf(makers).call().await? - before;
    fact("the market maker gets", in_gold(earned));
    ensure!(earned == withdrawn, "the market maker was not paid");
    let tips = RelayTip::new(gateways.relay_tip.address, devnet.l1());
    let (tipped, _) = eventually("the relayer is tipped", || async {
        Ok(tips.TipPaid_filter().topic1(U256::from(withdrawal.message.index)).from_block(0).query().await?.pop())
    })
    .await?;
    fact("the relayer gets", format_args!("{} ETH", shown(tipped.amount)));
    ensure!(tipped.relayer == devnet.address(Actor::Relayer) && tipped.amount == tip, "another was tipped");

    chapter("Nothing was made or lost");
    sums(&devnet, token).await?;
    devnet.check_token(token).await?;
    let left = devnet.l1().get_balance(gateways.l1_token_gateway.address).await?;
    ensure!(left.is_zero(), "the gateway kept {left} wei");
    Ok(())
}

/// So much of the token.
fn gold(amount: u64) -> U256 {
    U256::from(amount) * U256::from(10).pow(U256::from(DECIMALS))
}

fn in_gold(amount: U256) -> String {
    let digits = format_units(amount, DECIMALS).unwrap_or_default();
    format!("{} GLD", digits.trim_end_matches('0').trim_end_matches('.'))
}

async fn status_of(devnet: &Devnet, withdrawal: &Withdrawal) -> Result<()> {
    fact("status", devnet.client(Actor::Stranger).status(withdrawal).await?);
    Ok(())
}

/// Locked on L1 is what there is on L2 and what is on its way.
async fn sums(devnet: &Devnet, token: Address) -> Result<()> {
    let TokenLedger { locked, minted, in_flight } = devnet.token_ledger(token).await?;
    let sums = format!("{} = {} + {}", in_gold(locked), in_gold(minted), in_gold(in_flight));
    fact("locked = on L2 + in flight", sums);
    ensure!(locked == minted + in_flight, "the sums differ");
    Ok(())
}
