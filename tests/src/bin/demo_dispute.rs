//! `make demo-dispute`: a proposer tries to steal all the ETH of the bridge, by a commitment to an output that never was. The node's
//! challenger disputes it, the proposer fights back, and it comes down to one instruction.
//!
//! Everything is real but the proposer's honesty: L1 (Anvil), the contracts, the node with its roles, the run of the program. Who
//! watches sees what L1 and the node say, and it fails if anything is not as told.

use std::{collections::HashSet, process::ExitCode, sync::Arc};

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    providers::Provider,
};
use eyre::{OptionExt, Result, bail, ensure};
use postern_bindings::Bridge;
use postern_client::Withdrawal;
use postern_machine::{Hart, REGISTERS};
use postern_node::{
    dispute::{Cached, Game, GameNode, Side},
    store::{CommitmentStatus, NodeStatus},
};
use postern_protocol::{
    commitment::Commitment,
    dispute::{LEVELS, spacing},
    message::Message,
    outbox::Tree,
    output::Output,
};
use postern_tests::{
    Actor, Devnet, Forgery, Mined, PATIENCE, Roles,
    adversary::Party,
    ether, eventually,
    stage::{chapter, fact, shown, transaction},
};
use tokio::task::spawn_blocking;

#[tokio::main]
async fn main() -> ExitCode {
    match play().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo-dispute: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Who defends the lie.
type Mallory = Party<Cached<Forgery>>;

async fn play() -> Result<()> {
    println!(
        "Starting L1 (Anvil), deploying the contracts, starting L2 with a sequencer, a proposer and a challenger …"
    );
    let devnet = Devnet::with(Roles::GUARDED).await?;

    chapter("Alice and Bob bring ETH to L2, and Alice takes some back");
    devnet.fund(Actor::Alice, ether(10)).await?;
    devnet.fund(Actor::Bob, ether(20)).await?;
    let withdrawn = ether(3);
    let withdrawal = devnet.withdraw(Actor::Alice, devnet.address(Actor::Alice), withdrawn, 0, Bytes::new()).await?;
    devnet.posted().await?;
    fact("the bridge holds", format_args!("{} ETH", shown(held(&devnet).await?)));
    fact("Alice withdraws", format_args!("{} ETH", shown(withdrawn)));

    chapter("Mallory proposes an output in which all of it is hers");
    let theft = Theft::plan(&devnet, &withdrawal).await?;
    let claimed = theft.commit(&devnet).await?;

    chapter("The challenger has derived L2 from L1 itself. It disputes the commitment, and Mallory fights");
    let mallory = mallory(&devnet, &theft, claimed).await?;
    let rules = devnet.rules().await?;
    fact("each side has", format_args!("{} L1 blocks, and at least {} for a move", rules.clock, rules.extension));
    println!("\n   {:<86} {:>9}  answer within", "asserted states, by their steps", "bond, ETH");
    let mut told = HashSet::new();
    tell(&devnet, &answered(&devnet, &mallory).await?, &mut told);
    while !mallory.act(&devnet).await?.is_empty() {
        tell(&devnet, &answered(&devnet, &mallory).await?, &mut told);
    }

    chapter("The instruction at which the lie breaks");
    tell_instruction(&devnet, &theft, &mallory).await?;

    chapter("The clocks run out (the devnet mines), and all is decided, the deepest nodes first");
    devnet.warp_past_clock().await?;
    let game = decided(&devnet, &mallory).await?;
    nodes(&game).into_iter().for_each(|node| tell_decision(&devnet, &game, node));
    fact("Mallory's commitment", "rejected");

    chapter("What it cost");
    settle(&devnet, &game, claimed).await?;

    chapter("Mallory asks the bridge all the same");
    theft.fail(&devnet, claimed).await?;

    chapter("The honest commitment becomes final, and Alice is paid");
    pay(&devnet, &withdrawal, withdrawn).await?;
    devnet.synced().await?;
    devnet.check_conservation(&[]).await
}

/// What the bridge has, in wei.
async fn held(devnet: &Devnet) -> Result<U256> {
    Ok(devnet.l1().get_balance(devnet.deployment().bridge.address).await?)
}

/// A forged message to L1, in an outbox that nobody has.
struct Theft {
    message: Message,
    proof: Vec<B256>,
    /// The output after the last batch.
    truth: Output,
    /// The same with the other outbox.
    forged: Output,
}

impl Theft {
    /// One more message than there is, which moves all ETH of the bridge to Mallory.
    async fn plan(devnet: &Devnet, withdrawal: &Withdrawal) -> Result<Self> {
        let (chain, mallory) = (devnet.node().chain(), devnet.address(Actor::Mallory));
        let truth = chain.output(chain.heads().derived)?.ok_or_eyre("no output after the last batch")?;
        let mut tree = Tree::default();
        tree.push(withdrawal.message.leaf());
        ensure!(tree.root_at(1) == Some(truth.outbox_root), "there are other messages");
        let value = held(devnet).await?;
        let message = Message { index: 1, sender: mallory, target: mallory, value, gas_limit: 0, data: Bytes::new() };
        tree.push(message.leaf());
        let outbox_root = tree.root_at(2).ok_or_eyre("two messages have a root")?;
        let proof = tree.proof(1, 2).ok_or_eyre("the second of two messages has a proof")?;
        fact("outbox root", truth.outbox_root);
        fact("Mallory's outbox root", format_args!("{outbox_root}, with {} ETH to Mallory", shown(value)));
        Ok(Self { message, proof, truth, forged: Output { outbox_root, ..truth } })
    }

    /// Proposes the output, truly but for the last batch, and proves the message.
    async fn commit(&self, devnet: &Devnet) -> Result<Commitment> {
        let mut checkpoints = devnet.output_roots(self.truth.batch_count).await?;
        *checkpoints.last_mut().ok_or_eyre("no batches")? = self.forged.root();
        let genesis = devnet.genesis_commitment().await?;
        let commitment = devnet.propose(Actor::Mallory, genesis, &checkpoints).await?;
        fact("output root", self.truth.root());
        fact("Mallory's output root", self.forged.root());
        fact("Mallory's commitment", commitment.id());
        let bond = devnet.state_commitment_chain().BOND().call().await?;
        fact("its bond", format_args!("{} ETH", shown(U256::from(bond))));
        let client = devnet.client(Actor::Mallory);
        let bridge = client.bridge();
        let (message, output) = (self.message.clone(), self.forged);
        let prove = bridge.proveMessage(message.into(), commitment.into(), output.into(), self.proof.clone());
        let receipt = prove.send().await?.mined().await?;
        ensure!(receipt.status(), "the proof was refused");
        transaction("L1", "Bridge.proveMessage", &receipt);
        Ok(commitment)
    }

    /// Tries to have the message executed.
    async fn fail(&self, devnet: &Devnet, claimed: Commitment) -> Result<()> {
        let before = held(devnet).await?;
        let client = devnet.client(Actor::Mallory);
        let bridge = client.bridge();
        let Err(refused) = bridge.finalizeMessage(self.message.clone().into(), claimed.id()).send().await else {
            bail!("the bridge takes the message");
        };
        let reason = refused.as_decoded_error::<Bridge::CommitmentNotFinal>();
        ensure!(reason.is_some_and(|reason| reason.commitment == claimed.id()), "another reason: {refused}");
        fact("Bridge.finalizeMessage", "reverts with CommitmentNotFinal");
        ensure!(held(devnet).await? == before, "the bridge paid");
        fact("the bridge holds", format_args!("{} ETH", shown(before)));
        Ok(())
    }
}

/// Mallory, who says that the program comes to her output.
async fn mallory(devnet: &Devnet, theft: &Theft, claimed: Commitment) -> Result<Mallory> {
    let batch = theft.truth.batch_count - 1;
    let truth = devnet.truth(batch).await?.run().clone();
    let (output, outbox_root) = (theft.truth, theft.forged.outbox_root);
    let forge = move || Forgery::new(&postern_program::program(), truth, &output, outbox_root);
    let run = spawn_blocking(forge).await??;
    ensure!(run.output_root() == theft.forged.root(), "the forgery ends with another output");
    fact("disputed", format_args!("batch {batch}, whose run has {} steps", grouped(run.truth().steps())));
    let claim = devnet.claim(claimed.id()).await?;
    let position = claim.checkpoints.len() as u64 - 1;
    Ok(Party { actor: Actor::Mallory, side: Side::Defend, claim, position, run: Arc::new(Cached::new(run)) })
}

/// The game once the challenger has opened it, and answered all that Mallory says.
async fn answered(devnet: &Devnet, mallory: &Mallory) -> Result<Game> {
    let account = devnet.address(Actor::Mallory);
    eventually("the challenger answers", || async {
        let game = mallory.game(devnet).await?;
        let is_answered = |node: &&GameNode| {
            node.entry.author != account || !is_open(node) || game.counters(node.entry.id).next().is_some()
        };
        let done = game.openings().next().is_some() && nodes(&game).iter().all(is_answered);
        Ok(done.then_some(game))
    })
    .await
}

/// The game once all of it is decided, and the commitment has fallen.
async fn decided(devnet: &Devnet, mallory: &Mallory) -> Result<Game> {
    let commitment = mallory.challenge().commitment;
    eventually("all is decided", || async {
        let game = mallory.game(devnet).await?;
        let entry = devnet.node().chain().commitment(commitment)?;
        let rejected = entry.is_some_and(|entry| entry.status == CommitmentStatus::Rejected);
        Ok((rejected && !nodes(&game).into_iter().any(is_open)).then_some(game))
    })
    .await
}

fn is_open(node: &GameNode) -> bool {
    node.entry.status == NodeStatus::Open
}

/// All nodes, each before the counters to it.
fn nodes(game: &Game) -> Vec<&GameNode> {
    let mut left: Vec<_> = game.openings().collect();
    let mut nodes = Vec::new();
    while let Some(node) = left.pop() {
        nodes.push(node);
        left.extend(game.counters(node.entry.id));
    }
    nodes
}

/// Whose account it is.
fn name(devnet: &Devnet, account: Address) -> String {
    let actor = Actor::ALL.into_iter().find(|actor| devnet.address(*actor) == account);
    actor.map_or_else(|| account.to_string(), |actor| actor.to_string())
}

/// Says what is new in the game: nodes, and steps that were proven.
fn tell(devnet: &Devnet, game: &Game, told: &mut HashSet<(B256, bool)>) {
    for node in nodes(game) {
        let (id, level, first) = (node.entry.id, node.entry.level, node.entry.node.first);
        let (author, spacing) = (name(devnet, node.entry.author), spacing(level));
        let indent = "  ".repeat(level.into());
        if told.insert((id, false)) {
            let part = format!("{} … {}", grouped(first), grouped(first + 32 * spacing));
            let what = format!("{indent}{author}: {part}, one in {}", grouped(spacing));
            let bond = shown(game.rules().bond_for(level));
            let blocks = node.deadline - node.entry.l1.block_number;
            println!("   {what:<86} {bond:>9}  {blocks} L1 blocks");
        }
        if level == LEVELS && !is_open(node) && told.insert((id, true)) {
            println!("   {indent}  the step is executed on L1: {author} is wrong");
        }
    }
}

/// What came of a node, and of its bond.
fn tell_decision(devnet: &Devnet, game: &Game, node: &GameNode) {
    let (level, author) = (node.entry.level, name(devnet, node.entry.author));
    let stands = node.entry.status == NodeStatus::Stands;
    let bond = game.rules().bond_for(level);
    let became = match stands {
        true => format!("{} ETH back", shown(bond)),
        false => format!("{0} ETH are the winner's, {0} ETH burned", shown(bond / U256::from(2))),
    };
    let what =
        format!("{}{author}, level {level}: {}", "  ".repeat(level.into()), if stands { "stands" } else { "falls" });
    println!("   {what:<50} {became}");
}

/// The step that L1 was shown.
async fn tell_instruction(devnet: &Devnet, theft: &Theft, mallory: &Mallory) -> Result<()> {
    let game = mallory.game(devnet).await?;
    let proven = devnet.dispute_game().StepProven_filter().from_block(0).query().await?;
    let [(proven, _)] = &proven[..] else { bail!("{} steps were proven", proven.len()) };
    ensure!(proven.prover == devnet.address(Actor::Challenger), "another one proved it");
    let node = game.node(proven.id).ok_or_eyre("the step is of another game")?;
    let index: usize = (proven.segment - U256::ONE).to();
    let number = node.entry.node.first + index as u64;
    let forgery = mallory.run.run();
    let lie = *forgery.first_lie();
    ensure!(lie.step == number, "Mallory lies in step {}, L1 was shown step {number}", lie.step);

    let truth = forgery.truth().clone();
    let step = spawn_blocking(move || truth.step(number)).await??;
    let (hart, _) = step.witness.split_first_chunk().ok_or_eyre("the witness is too short")?;
    let instruction = step.instruction.ok_or_eyre("nothing is executed")?;
    // Offset and base of a load.
    let base = Hart::decode(hart).x((instruction.word >> 15 & 31) as usize);
    let address = base.wrapping_add_signed((instruction.word as i32 >> 20).into());
    let register = REGISTERS[lie.register];
    fact("step", format_args!("{} of {}", grouped(number), grouped(forgery.truth().steps())));
    fact("instruction", format_args!("{:#x}:  {instruction}", instruction.pc));
    let bytes = Bytes::from(lie.truth.to_le_bytes());
    ensure!(theft.truth.outbox_root.starts_with(&bytes), "it does not load the outbox root");
    fact("memory has", format_args!("{bytes} at {address:#x}, the beginning of the outbox root"));
    fact("the machine loads", format_args!("{register} = {:#018x}", lie.truth));
    let bytes = Bytes::from(lie.value.to_le_bytes());
    ensure!(theft.forged.outbox_root.starts_with(&bytes), "she does not load her own");
    fact("Mallory says", format_args!("{register} = {:#018x}, which is {bytes} in memory", lie.value));
    let claimed = node.entry.points[index];
    ensure!(claimed != step.next_state_hash, "both say the same");
    fact("state before, agreed", step.state_hash);
    fact("state after, by L1", step.next_state_hash);
    fact("state after, by Mallory", claimed);
    Ok(())
}

/// Adds up the bonds, and checks that what was staked came back or went where it should.
async fn settle(devnet: &Devnet, game: &Game, claimed: Commitment) -> Result<()> {
    let contract = devnet.dispute_game();
    let commitments = devnet.state_commitment_chain();
    let burn = commitments.BURN_ADDRESS().call().await?;
    let credits = contract.BondCredited_filter().from_block(0).query().await?;
    let sum = |amounts: &mut dyn Iterator<Item = U256>| amounts.fold(U256::ZERO, |sum, amount| sum + amount);
    let staked = |account| {
        let nodes = nodes(game).into_iter().filter(|node| node.entry.author == account);
        sum(&mut nodes.map(|node| game.rules().bond_for(node.entry.level)))
    };
    let received = |account| {
        sum(&mut credits.iter().filter(|(credit, _)| credit.account == account).map(|(credit, _)| credit.amount))
    };
    let [mallory, challenger] = [Actor::Mallory, Actor::Challenger].map(|actor| devnet.address(actor));
    for account in [mallory, challenger] {
        let (staked, received) = (shown(staked(account)), shown(received(account)));
        fact(&name(devnet, account), format_args!("staked {staked:>5} ETH on nodes, received {received:>5} ETH"));
    }
    fact("burned", format_args!("{} ETH", shown(received(burn))));
    let half = staked(mallory) / U256::from(2);
    ensure!(received(mallory).is_zero(), "Mallory got something back");
    ensure!(received(challenger) == staked(challenger) + half, "the challenger got something else");
    ensure!(received(burn) == half, "something else was burned");

    let rejections = commitments.CommitmentRejected_filter().topic1(claimed.id()).from_block(0).query().await?;
    let (event, _) = rejections.first().ok_or_eyre("the commitment was not rejected")?;
    ensure!(event.challenger == challenger, "another one rejected the commitment");
    let (reward, burned) = (shown(event.reward), shown(event.burned));
    fact("bond of the commitment", format_args!("{reward} ETH for the challenger, {burned} ETH burned"));
    Ok(())
}

/// Takes Alice's message to its end.
async fn pay(devnet: &Devnet, withdrawal: &Withdrawal, withdrawn: U256) -> Result<()> {
    let (stranger, alice) = (devnet.client(Actor::Stranger), devnet.address(Actor::Alice));
    let provable = stranger.wait_to_prove(withdrawal, PATIENCE).await?;
    fact("commitment", provable.commitment().id());
    ensure!(provable.commitment().proposer == devnet.address(Actor::Proposer), "another one proposed it");
    let proven = stranger.prove(&provable).await?;
    transaction("L1", "Bridge.proveMessage", &proven.receipt);
    devnet.warp_past_challenge_window().await?;
    stranger.wait_to_finalize(&proven.state, PATIENCE).await?;
    let before = devnet.l1().get_balance(alice).await?;
    let receipt = stranger.finalize(&proven.state).await?;
    transaction("L1", "Bridge.finalizeMessage", &receipt);
    let paid = devnet.l1().get_balance(alice).await? - before;
    ensure!(paid == withdrawn, "Alice got {paid} wei instead of {withdrawn}");
    fact("paid to Alice on L1", format_args!("{} ETH", shown(paid)));
    fact("the bridge holds", format_args!("{} ETH", shown(held(devnet).await?)));
    Ok(())
}

/// A number with a mark between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut groups: Vec<_> = digits.as_bytes().rchunks(3).map(String::from_utf8_lossy).collect();
    groups.reverse();
    groups.join(",")
}
