//! Parties to a dispute: the honest strategy of [`postern_node::dispute`], over the true run or over one that departs from it.

use std::{array, error::Error, ops::ControlFlow, sync::Arc};

use alloy::{
    primitives::{B256, Bytes, U256, keccak256},
    rpc::types::TransactionReceipt,
    sol_types::SolValue,
};
use eyre::{Result, ensure};
use postern_machine::Hart;
use postern_node::{
    dispute::{Cached, Game, Move, Rules, Run, Side},
    trace::{Trace, TraceError},
};
use postern_protocol::dispute::{Challenge, Points, spacing};
use tokio::task::spawn_blocking;

use crate::{
    actor::Actor,
    devnet::Devnet,
    disputes::{Claim, STATE_LENGTH},
    wait::{Mined, eventually},
};

/// How many steps a run is looked at as.
pub const STEPS: u64 = 1 << 40;

/// The true run of the program over a batch.
pub type Truth = Arc<Cached<Trace>>;

/// A run as a party asserts it: the true one up to some step, and another from there on.
#[derive(Clone)]
pub struct Assertion {
    truth: Truth,
    lie: Option<Lie>,
}

/// What departs from the truth.
#[derive(Clone)]
struct Lie {
    /// The last step after which the state is the true one.
    from: u64,
    /// The state in which it says that the run ends.
    last_state: [u8; STATE_LENGTH],
    /// What makes its other states: no two lies need be the same.
    salt: B256,
}

impl Assertion {
    /// The truth.
    pub const fn truth(truth: Truth) -> Self {
        Self { truth, lie: None }
    }

    /// Agrees with the truth for `from` steps, and says that the run ends with this output. The states until then are made up, and so
    /// is what is in one register at the end.
    pub fn lie(truth: Truth, from: u64, output: B256) -> Self {
        let mut last_state: [u8; STATE_LENGTH] = truth.run().last_state().try_into().expect("a state");
        let (_, hart) = last_state.split_last_chunk_mut().expect("longer than a hart");
        let mut end = Hart::decode(hart);
        for (slot, bytes) in end.slots[10..14].iter_mut().zip(output.as_chunks::<8>().0) {
            *slot = u64::from_be_bytes(*bytes);
        }
        *hart = end.encode();
        Self { truth, lie: Some(Lie { from, last_state, salt: B256::ZERO }) }.salted(from)
    }

    /// The same lie in other words.
    #[must_use]
    pub fn salted(mut self, salt: u64) -> Self {
        if let Some(lie) = &mut self.lie {
            lie.salt = keccak256((lie.salt, U256::from(salt)).abi_encode());
            let (_, register) = lie.last_state.split_last_chunk_mut().expect("longer than a register");
            *register = salt.to_be_bytes();
        }
        self
    }

    /// What is true.
    pub const fn known(&self) -> &Truth {
        &self.truth
    }

    /// How many steps the true run has before it halts.
    pub fn steps(&self) -> u64 {
        self.truth.run().steps()
    }
}

impl Run for Assertion {
    type Error = TraceError;

    fn start(&self) -> B256 {
        self.truth.start()
    }

    fn points(&self, first: u64, level: u8) -> Result<Points, TraceError> {
        let after = |index: usize| first + (index as u64 + 1) * spacing(level);
        let Some(Lie { from, last_state, salt }) = &self.lie else { return self.truth.points(first, level) };
        let truth = if after(0) <= *from { self.truth.points(first, level)? } else { Points::default() };
        Ok(array::from_fn(|index| match after(index) {
            steps if steps <= *from => truth[index],
            steps if steps >= self.steps() => keccak256(last_state),
            steps => keccak256((*salt, U256::from(steps)).abi_encode()),
        }))
    }

    fn last_state(&self) -> Result<Vec<u8>, TraceError> {
        self.lie.as_ref().map_or_else(|| self.truth.last_state(), |lie| Ok(lie.last_state.to_vec()))
    }

    fn witness(&self, step: u64) -> Result<Bytes, TraceError> {
        self.truth.witness(step)
    }
}

/// A party to the dispute about one checkpoint.
pub struct Party<R = Assertion> {
    /// Whose account it has.
    pub actor: Actor,
    /// What it says of the checkpoint.
    pub side: Side,
    /// What is disputed.
    pub claim: Claim,
    /// Position of the checkpoint.
    pub position: u64,
    /// What it says of the run.
    pub run: Arc<R>,
}

impl<R> Clone for Party<R> {
    fn clone(&self) -> Self {
        let Self { actor, side, claim, position, run } = self;
        Self { actor: *actor, side: *side, claim: claim.clone(), position: *position, run: run.clone() }
    }
}

impl<R> Party<R>
where
    R: Run<Error: Error + Send + Sync> + Send + Sync + 'static,
{
    /// What it is a party to.
    pub fn challenge(&self) -> Challenge {
        Challenge { commitment: self.claim.commitment.id(), position: self.position }
    }

    /// The same party with another account, saying the same.
    #[must_use]
    pub fn played_by(&self, actor: Actor) -> Self {
        Self { actor, ..self.clone() }
    }

    /// The dispute as the node sees it.
    ///
    /// # Errors
    /// If the node or L1 cannot be asked.
    pub async fn game(&self, devnet: &Devnet) -> Result<Game> {
        devnet.synced().await?;
        let nodes = devnet.node().chain().nodes_of(self.challenge())?;
        Ok(Game::new(self.challenge(), devnet.rules().await?, nodes))
    }

    /// The moves that it has to make in the next L1 block, the most urgent first.
    ///
    /// # Errors
    /// If the node or L1 cannot be asked.
    pub async fn moves(&self, devnet: &Devnet) -> Result<Vec<Move>> {
        let game = self.game(devnet).await?;
        let next_block = devnet.l1_head().await?.block_number + 1;
        let Self { side, run, .. } = self.clone();
        Ok(spawn_blocking(move || game.moves(&*run, side, next_block)).await??)
    }

    /// Posts all nodes that it has to post now, and returns those moves. Of steps it proves none: a lie has no proof.
    ///
    /// # Errors
    /// If one is refused.
    pub async fn act(&self, devnet: &Devnet) -> Result<Vec<Move>> {
        let mut moves = self.moves(devnet).await?;
        moves.retain(|next| next.level().is_some());
        for next in &moves {
            ensure!(self.make(devnet, next).await?.status(), "the move was refused");
        }
        Ok(moves)
    }

    /// The same at the last moment: each in the last L1 block in which it is in time.
    ///
    /// # Errors
    /// If one is refused or was late.
    pub async fn act_late(&self, devnet: &Devnet) -> Result<Vec<Move>> {
        let mut moves = self.moves(devnet).await?;
        moves.retain(|next| next.level().is_some());
        for next in &moves {
            if let Some(deadline) = next.deadline() {
                devnet.mine_to(deadline - 1).await?;
            }
            let receipt = self.make(devnet, next).await?;
            ensure!(receipt.status(), "the move was refused");
            ensure!(next.deadline().is_none_or(|deadline| receipt.block_number == Some(deadline)), "it was not late");
        }
        Ok(moves)
    }

    /// Makes one move.
    ///
    /// # Errors
    /// If it is refused before it is sent, or L1 cannot be reached.
    pub async fn make(&self, devnet: &Devnet, next: &Move) -> Result<TransactionReceipt> {
        let game = devnet.dispute_game_for(self.actor);
        let bond = next.bond(&devnet.rules().await?);
        let sent = match next.clone() {
            Move::Open { points, last_state, .. } => {
                let open = self.claim.opening(self.position, &points, last_state);
                game.call_builder(&open).value(bond).send().await
            }
            Move::Counter { parent, dispute, points, .. } => {
                game.counter(parent.into(), dispute.into(), points.to_vec()).value(bond).send().await
            }
            Move::ProveStep { node, dispute, witness, .. } => {
                game.proveStep(node.into(), dispute.into(), witness).send().await
            }
        };
        sent?.mined().await
    }
}

impl Devnet {
    /// By which rules disputes are played.
    ///
    /// # Errors
    /// If L1 cannot be reached.
    pub async fn rules(&self) -> Result<Rules> {
        let game = self.dispute_game();
        let (clock, extension) = (game.CLOCK().call().await?.to(), game.EXTENSION().call().await?.to());
        Ok(Rules { clock, extension, bond: U256::from(game.BOND().call().await?) })
    }

    /// The run of the program over a batch, as a node that has nothing but L1 derives it.
    ///
    /// # Errors
    /// If there is no such batch, or the program does not come to that node's output.
    pub async fn truth(&self, batch: u64) -> Result<Truth> {
        // The run keeps the node's store open: the devnet's own node must be free to start again.
        let node = self.observer().await?;
        let batch = node.chain().derived_batch(batch)?;
        node.shutdown().await?;
        let run = || Trace::run(&postern_program::program(), batch, |_| ControlFlow::Continue(()));
        let run = spawn_blocking(run).await??;
        Ok(Arc::new(Cached::new(run)))
    }

    /// Waits until the honest party has made all moves that it has to make.
    ///
    /// # Errors
    /// If it does not make them.
    pub async fn answered(&self, honest: &Party) -> Result<()> {
        let answered = || async { Ok(honest.moves(self).await?.is_empty().then_some(())) };
        eventually("the honest party answers", answered).await
    }

    /// Lets everyone move until nobody has to: the adversaries in turn, and between their moves the honest party, which plays by
    /// itself.
    ///
    /// # Errors
    /// If a move is refused, or the honest party does not answer.
    pub async fn play(&self, honest: &Party, adversaries: &[Party]) -> Result<()> {
        loop {
            self.answered(honest).await?;
            let mut done = true;
            for adversary in adversaries {
                done &= adversary.act(self).await?.is_empty();
            }
            if done {
                return Ok(());
            }
        }
    }
}
