//! Disputes on real nodes: the node's challenger against adversaries, each the honest strategy over another run than the true one.
//! However it is played, what is false is rejected, what is true becomes final, and no honest bond is lost.

mod attacks;
mod falsehoods;
mod interference;
mod refusers;

use std::sync::Arc;

use alloy::primitives::{Address, B256, Bytes, U256};
use eyre::{OptionExt, Result, ensure};
use postern_node::{
    dispute::{Move, Side},
    store::NodeEntry,
};
use postern_protocol::{
    commitment::Commitment,
    dispute::{Dispute, LEVELS, Node, Points, points_root, spacing},
    output::Output,
};
use postern_tests::{
    Actor, Devnet, Mined, Roles,
    adversary::{Assertion, Party, Truth},
    disputes::node_status,
    ether, eventually,
};

const UNKNOWN: u8 = 0;
const FINAL: u8 = 2;
const REJECTED: u8 = 3;
/// An output that no batch leads to.
const LIE: B256 = B256::repeat_byte(0x11);
/// L2 goes on, somebody watches, and nobody proposes but the tests.
const WATCHED: Roles = Roles { challenger: true, ..Roles::SEQUENCER };

/// A commitment, and the node's challenger, which has something to say about one of its checkpoints.
struct Scene {
    devnet: Devnet,
    /// What the challenger has to do, by which the tests know when it has done it.
    honest: Party,
    /// What the challenger had before, in wei.
    wealth: U256,
    /// Accounts with bonds that are no actors.
    others: Vec<Address>,
}

/// A chain with so many batches or more, in no commitment.
async fn chain(roles: Roles, batch_count: u64) -> Result<Devnet> {
    batches(Devnet::with(roles).await?, batch_count).await
}

/// The chain with so many batches or more.
async fn batches(devnet: Devnet, batch_count: u64) -> Result<Devnet> {
    while devnet.node().chain().heads().derived < batch_count {
        devnet.fund(Actor::Alice, ether(2)).await?;
        devnet.posted().await?;
    }
    Ok(devnet)
}

impl Scene {
    /// Mallory's commitment to the first batches of a chain, of which one has a forged output.
    async fn of_lie(devnet: Devnet, batch_count: u64, position: u64, forge: impl FnOnce(&mut Output)) -> Result<Self> {
        let mut checkpoints = devnet.output_roots(batch_count).await?;
        let mut forged = devnet.node().chain().output(position + 1)?.ok_or_eyre("it is derived")?;
        forge(&mut forged);
        ensure!(checkpoints[position as usize] != forged.root(), "nothing is forged");
        checkpoints[position as usize] = forged.root();
        let wealth = devnet.wealth(Actor::Challenger).await?;
        let commitment = devnet.propose(Actor::Mallory, devnet.genesis_commitment().await?, &checkpoints).await?;
        Self::about(devnet, commitment, position, Side::Challenge, wealth).await
    }

    /// Bob's true commitment to the first batches of a chain, of which one will be disputed.
    async fn of_truth(devnet: Devnet, batch_count: u64, position: u64) -> Result<Self> {
        let checkpoints = devnet.output_roots(batch_count).await?;
        let wealth = devnet.wealth(Actor::Challenger).await?;
        let commitment = devnet.propose(Actor::Bob, devnet.genesis_commitment().await?, &checkpoints).await?;
        Self::about(devnet, commitment, position, Side::Defend, wealth).await
    }

    async fn about(devnet: Devnet, commitment: Commitment, position: u64, side: Side, wealth: U256) -> Result<Self> {
        let claim = devnet.claim(commitment.id()).await?;
        let truth = devnet.truth(claim.parent.batch_count + position).await?;
        let run = Arc::new(Assertion::truth(truth));
        let honest = Party { actor: Actor::Challenger, side, claim, position, run };
        Ok(Self { devnet, honest, wealth, others: Vec::new() })
    }

    fn truth(&self) -> Truth {
        self.honest.run.known().clone()
    }

    /// How many steps the true run has.
    fn steps(&self) -> u64 {
        self.honest.run.steps()
    }

    /// Who takes the other side, with the truth up to a step.
    fn adversary(&self, actor: Actor, from: u64) -> Party {
        against(&self.honest, actor, from)
    }

    fn id(&self) -> B256 {
        self.honest.claim.commitment.id()
    }

    async fn status(&self) -> Result<u8> {
        Ok(self.devnet.state_commitment_chain().commitmentStatus(self.id()).call().await?)
    }

    /// Lets these and the challenger play until nobody has a move.
    async fn play(&self, adversaries: &[Party]) -> Result<()> {
        self.devnet.play(&self.honest, adversaries).await
    }

    /// Makes moves in one transaction, with bonds that are deposited before, in wei.
    async fn make_at_once(&self, actor: Actor, calls: Vec<Bytes>, bonds: U256) -> Result<()> {
        let game = self.devnet.dispute_game_for(actor);
        ensure!(game.depositBond().value(bonds).send().await?.mined().await?.status(), "the deposit failed");
        ensure!(game.multicall(calls).send().await?.mined().await?.status(), "the moves were refused");
        Ok(())
    }

    /// Levels of the nodes that an actor posted, in L1's order.
    async fn levels(&self, actor: Actor) -> Result<Vec<u8>> {
        let author = self.devnet.address(actor);
        let nodes = self.devnet.posted_nodes().await?;
        Ok(nodes.iter().filter(|posted| posted.author == author).map(|posted| posted.level).collect())
    }

    /// Lets the clocks of all nodes run down, and no more time pass than that takes.
    async fn expire(&self) -> Result<()> {
        self.devnet.answered(&self.honest).await?;
        let game = self.devnet.dispute_game();
        let mut last = 0;
        for posted in self.devnet.posted_nodes().await? {
            last = last.max(game.counterDeadline(posted.node.into()).call().await?.to());
        }
        self.devnet.mine_to(last).await
    }

    /// The clocks run down, and the challenger has the commitment rejected.
    async fn falls(&self) -> Result<()> {
        self.expire().await?;
        eventually("it is rejected", || async { Ok((self.status().await? == REJECTED).then_some(())) }).await?;
        // Whatever else passes, it stays so.
        self.devnet.warp_past_challenge_window().await?;
        let output = self.devnet.node().chain().output(self.honest.claim.commitment.batch_count)?;
        let contract = self.devnet.state_commitment_chain();
        let output = output.ok_or_eyre("it is derived")?;
        ensure!(contract.finalize(self.honest.claim.commitment.into(), output.into()).call().await.is_err());
        self.check_end().await
    }

    /// The clocks run down, the challenger has all openings decided, and anyone finalizes the commitment, in the time that there is
    /// at most.
    async fn stands(&self) -> Result<()> {
        self.expire().await?;
        let contract = self.devnet.state_commitment_chain();
        eventually("no challenge is open", || async {
            Ok((contract.challengesOf(self.id()).call().await? == 0).then_some(()))
        })
        .await?;
        self.devnet.warp_past_window_of(self.id()).await?;
        self.devnet.client(Actor::Stranger).finalize_commitment(&self.honest.claim.commitment).await?;
        ensure!(self.status().await? == FINAL, "it is not final");

        let rules = self.devnet.rules().await?;
        let window = contract.WINDOW_BLOCKS().call().await?;
        let longest = window + 2 * rules.clock + (u64::from(LEVELS) + 1) * rules.extension;
        let events = contract.CommitmentFinalized_filter().topic1(self.id()).from_block(0).query().await?;
        let finalized = events.first().and_then(|(_, log)| log.block_number).ok_or_eyre("no event")?;
        let taken = finalized - self.honest.claim.block_number;
        ensure!(taken <= longest, "final after {taken} L1 blocks, {longest} would have been enough");
        self.check_end().await
    }

    /// What holds after every dispute: the challenger's nodes stand, it is not poorer, and all bonds are accounted for.
    async fn check_end(&self) -> Result<()> {
        let Self { devnet, .. } = self;
        let (challenger, game) = (devnet.address(Actor::Challenger), devnet.dispute_game());
        for posted in devnet.posted_nodes().await?.iter().filter(|posted| posted.author == challenger) {
            eventually("the challenger's node stands", || async {
                let status = game.nodeStatus(posted.node.id()).call().await?;
                ensure!(status == node_status::OPEN || status == node_status::STANDS, "an honest node fell");
                Ok((status == node_status::STANDS).then_some(()))
            })
            .await?;
        }
        // Gas, where nobody pays for it.
        let gas = ether(1) / U256::from(100);
        let wealth = devnet.wealth(Actor::Challenger).await?;
        ensure!(wealth + gas >= self.wealth, "the challenger had {} wei and has {wealth}", self.wealth);
        devnet.synced().await?;
        devnet.check_conservation(&self.others).await
    }

    /// Whether the challenger has more than before.
    async fn has_gained(&self) -> Result<bool> {
        Ok(self.devnet.wealth(Actor::Challenger).await? > self.wealth)
    }
}

/// Who takes the other side, with the truth up to a step. Its run ends in the forged checkpoint, or in anything but the true one.
fn against(honest: &Party, actor: Actor, from: u64) -> Party {
    let (side, output) = match honest.side {
        Side::Challenge => (Side::Defend, honest.claim.checkpoints[honest.position as usize]),
        Side::Defend => (Side::Challenge, LIE),
    };
    let run = Arc::new(Assertion::lie(honest.run.known().clone(), from, output));
    Party { actor, side, run, ..honest.clone() }
}

/// A counter with any points, right or wrong.
fn counter_to(entry: &NodeEntry, segment: usize, points: &Points) -> Move {
    let dispute = Dispute::of(entry.node.start, &entry.points, segment);
    let first = entry.node.first + (segment as u64 - 1) * spacing(entry.level);
    let node = Node { parent: entry.id, first, start: dispute.agreed, points_root: points_root(points) };
    let (parent, points, level) = (entry.node, Box::new(*points), entry.level + 1);
    Move::Counter { parent, dispute, points, node, level, deadline: u64::MAX }
}
