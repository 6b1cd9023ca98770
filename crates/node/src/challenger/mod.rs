//! Disputes false commitments to the end, and defends true ones, whoever proposed them.
//!
//! It judges every open commitment by the node's own derivation from L1. Where a checkpoint differs it opens a challenge; true
//! commitments it defends against every opening. Of the moves of others it answers those that a true statement hangs on, and no
//! others: `dispute::Game` says which these are. What it stakes on is true under every L1 it might come to live on: a node's id
//! names the commitment, that one the batches, and these decide the run. A reorganisation can make a move void, never false.
//!
//! | what happens | what the challenger does |
//! | --- | --- |
//! | a move is taken by someone else, or comes too late | goes on from what L1 then shows |
//! | L1 takes moves back | makes those again that are still due |
//! | it is stopped, or killed | finds all that matters in the [`Chain`] when it starts again, runs excepted, which it makes anew |
//! | a bond or the gas would exceed its limits | leaves the least urgent moves, says so, and makes them once there is room |
//! | the contract disputes about another program | does nothing, and says so |

mod runs;
mod survey;

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    providers::{DynProvider, Provider},
    signers::local::PrivateKeySigner,
    sol_types::SolCall,
    transports::{RpcError, TransportErrorKind},
};
use postern_bindings::{
    dispute_game::DisputeGame::{self, DisputeGameErrors, DisputeGameInstance},
    state_commitment_chain::StateCommitmentChain::{self, StateCommitmentChainErrors, StateCommitmentChainInstance},
};
use postern_machine::Program;
use postern_protocol::dispute::Node;
use tracing::{debug, error, info, warn};

use self::{
    runs::{RunError, Runs},
    survey::{Case, Survey, Verdicts},
};
use crate::{
    allowance::Allowance,
    blocking,
    chain::{Chain, ChainError},
    dispute::{Game, Move, Rules, Side},
    l1::{
        L1,
        sender::{Call, SendError, Sender},
    },
    role::{self, Role},
    shutdown::Shutdown,
    store::StoreError,
    trace::TraceError,
};

/// Moves in one transaction, at most: each takes up to 150,000 gas, and EIP-7825 allows a transaction 16,777,216.
const MOVES: usize = 64;
/// Nodes decided in one transaction, at most: each takes up to 60,000 gas.
const PAGE: usize = 128;

/// After how long a round ends, whatever else there is to be done: the next one begins with what is most urgent by then.
const LONG: Duration = Duration::from_secs(30);

/// What the challenger may stake and spend, and how often it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChallengerConfig {
    /// The most that is staked at once, in wei: the bonds of its nodes that are not decided. They come back. Half of it is kept for
    /// disputes about false commitments. An adversary who stakes more than half of what is left for a purpose can exceed it.
    pub max_bonds: u128,
    /// What it spends on gas on average, in wei per day of 24 hours. So much may go at once; it comes back evenly. Half of it is kept
    /// as above. The last transaction may exceed it.
    pub max_gas_spend_per_day: u128,
    /// Runs of batches that are kept in memory at once, for the next moves of their games. More games than that at a time take each
    /// run anew at each level.
    pub max_runs: usize,
    /// How often to look, besides when the chain moves.
    pub poll_interval: Duration,
    /// Replace a transaction that was not mined for so long.
    pub resubmit_after: Duration,
}

impl Default for ChallengerConfig {
    fn default() -> Self {
        Self {
            max_bonds: 20_000_000_000_000_000_000,
            max_gas_spend_per_day: 1_000_000_000_000_000_000,
            max_runs: 4,
            poll_interval: Duration::from_secs(4),
            resubmit_after: Duration::from_secs(60),
        }
    }
}

/// Why a round ended early.
#[derive(Debug, thiserror::Error)]
enum ChallengerError {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Rules(#[from] RulesError),
    #[error("L1: {0}")]
    Contract(#[from] alloy::contract::Error),
    #[error("L1: {0}")]
    Transport(#[from] RpcError<TransportErrorKind>),
    #[error(transparent)]
    Send(#[from] SendError),
    /// Bonds are short, in wei.
    #[error("{account} has {received} wei, the bonds ask for {expected} more than it has deposited")]
    InsufficientFunds { account: Address, received: U256, expected: U256 },
}

impl ChallengerError {
    /// Whether other moves may succeed all the same.
    fn is_of_the_moves(&self) -> bool {
        match self {
            Self::InsufficientFunds { .. } | Self::Send(SendError::Reverted { .. }) => true,
            // L1 answers, but does not want this: for want of ETH for the gas, say.
            Self::Send(SendError::Transport(error)) => error.is_error_resp(),
            _ => false,
        }
    }
}

/// Why the dispute contract cannot be played with.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// It does not answer.
    #[error("the dispute contract does not answer as one: {0}")]
    Contract(#[from] alloy::contract::Error),
    /// It is about another program: this node is older or newer than the deployment.
    #[error(
        "the dispute contract is about the program with memory root {expected_root} and entry {expected_entry:#x}, this node has that \
         with memory root {received_root} and entry {received_entry:#x}"
    )]
    Program {
        /// Root of the program's memory at its start, as built into this node.
        received_root: B256,
        /// Address of its first instruction.
        received_entry: u64,
        /// On L1.
        expected_root: B256,
        /// On L1.
        expected_entry: u64,
    },
}

type DisputeContract = DisputeGameInstance<DynProvider>;

/// Checks that the dispute contract is about the program of this node.
///
/// # Errors
/// If it is about another one, or does not answer.
pub(crate) async fn check(l1: &L1) -> Result<(), RulesError> {
    let program = blocking(|| Arc::new(postern_program::program())).await;
    rules(&DisputeGame::new(l1.dispute_game(), l1.provider().clone()), &program).await.map(|_| ())
}

/// The rules of the contract's games, if they are about this program.
async fn rules(contract: &DisputeContract, program: &Program) -> Result<Rules, RulesError> {
    let (received_root, received_entry) = (program.start(B256::ZERO).memory_root(), program.entry());
    let expected_root = contract.PROGRAM_ROOT().call().await?;
    let expected_entry = contract.PROGRAM_ENTRY().call().await?;
    if (received_root, received_entry) != (expected_root, expected_entry) {
        return Err(RulesError::Program { received_root, received_entry, expected_root, expected_entry });
    }
    Ok(Rules {
        clock: contract.CLOCK().call().await?.to(),
        extension: contract.EXTENSION().call().await?.to(),
        bond: contract.BOND().call().await?.to(),
    })
}

/// Runs the challenger until shutdown. L1 errors do not end it.
pub(crate) async fn run(chain: Chain, l1: L1, signer: PrivateKeySigner, config: ChallengerConfig, shutdown: Shutdown) {
    let heads = chain.subscribe();
    let program = blocking(|| Arc::new(postern_program::program())).await;
    let challenger = Challenger {
        game: DisputeGame::new(l1.dispute_game(), l1.provider().clone()),
        commitments: StateCommitmentChain::new(l1.state_commitment_chain(), l1.provider().clone()),
        sender: Sender::new(l1.clone(), signer, config.resubmit_after),
        runs: Runs::new(chain.clone(), program.clone(), config.max_runs, shutdown.clone()),
        chain,
        l1,
        config,
        program,
        verdicts: Verdicts::default(),
        staked: U256::ZERO,
        allowance: Allowance::new(config.max_gas_spend_per_day, Instant::now()),
        said: Said::default(),
        uncollected: true,
        is_short: false,
        seen_from: 0,
    };
    role::run(challenger, heads, config.poll_interval, shutdown).await;
}

struct Challenger {
    chain: Chain,
    l1: L1,
    game: DisputeContract,
    commitments: StateCommitmentChainInstance<DynProvider>,
    sender: Sender,
    config: ChallengerConfig,
    program: Arc<Program>,
    runs: Runs,
    verdicts: Verdicts,
    /// Bonds of our nodes that are not decided, in wei.
    staked: U256,
    allowance: Allowance,
    said: Said,
    /// Whether there may be bonds to be withdrawn.
    uncollected: bool,
    /// Whether the account had not enough ETH for something.
    is_short: bool,
    /// L1 block of our last transaction: before the chain has followed that far, its view lacks what we did.
    seen_from: u64,
}

/// What was said already, so that it is said once.
#[derive(Debug, Default)]
struct Said {
    /// Commitments that were found false.
    false_ones: HashSet<B256>,
    /// Of these the ones that nobody can challenge any more.
    lost: HashSet<B256>,
    /// That a limit holds us back.
    bonds: Once,
    gas: Once,
}

/// What is said in the first of a row of rounds in which it holds.
#[derive(Debug, Default)]
struct Once {
    before: bool,
    now: bool,
}

impl Once {
    /// It holds. True if it is to be said.
    fn say(&mut self) -> bool {
        self.now = true;
        !std::mem::replace(&mut self.before, true)
    }

    /// The next round begins.
    fn next_round(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }
}

/// A game that is played, and by when someone has to move in it.
struct Played {
    case: Case,
    game: Game,
    urgency: u64,
}

/// What is due in a game.
struct Due {
    case: Case,
    moves: Vec<Move>,
    decidable: Vec<Node>,
}

impl Role for Challenger {
    type Error = ChallengerError;

    const NAME: &str = "challenger";

    async fn round(&mut self, shutdown: &mut Shutdown) -> Result<(), ChallengerError> {
        let heads = self.chain.heads();
        // Batches may wait to be derived: about what is derived there is something to say all the same.
        if !heads.followed() || heads.l1.number < self.seen_from || !self.l1.has(&heads.l1).await? {
            return Ok(());
        }
        self.said.bonds.next_round();
        self.said.gas.next_round();
        let survey = self.survey().await?;
        self.runs.retain(&survey.cases.iter().map(|case| case.statement).collect());
        if survey.cases.is_empty() && survey.open_levels.is_empty() {
            return self.collect(shutdown).await;
        }
        // Whoever decides a node may free a bond of ours.
        self.uncollected = true;
        if std::mem::take(&mut self.is_short) {
            match self.collect(shutdown).await {
                Err(error) if error.is_of_the_moves() => warn!(%error, "bonds cannot be withdrawn"),
                collected => collected?,
            }
        }
        let rules = rules(&self.game, &self.program).await?;
        self.staked = survey.open_levels.iter().map(|level| rules.bond_for(*level)).sum();
        self.play(played(survey.cases, rules, heads.l1.number + 1), &rules, shutdown).await
    }
}

/// The games, in the order in which they are to be looked at. A lie that becomes final costs the bridge, a truth that falls costs time and
/// is proposed again, so lies come first. Of each kind, challenges that are to be opened come first, then the most urgent game.
fn played(cases: Vec<Case>, rules: Rules, next_block: u64) -> Vec<Played> {
    let play = |case: Case| {
        let game = Game::new(case.challenge, rules, case.nodes.iter().cloned());
        let urgency = if case.nodes.is_empty() { 0 } else { game.next_deadline(next_block).unwrap_or(u64::MAX) };
        Played { case, game, urgency }
    };
    let mut games: Vec<_> = cases.into_iter().map(play).collect();
    games.sort_by_key(|played| (played.case.side == Side::Defend, played.urgency));
    games
}

impl Challenger {
    /// Looks at all commitments and games, in one state of the chain.
    async fn survey(&mut self) -> Result<Survey, ChallengerError> {
        let (chain, account) = (self.chain.clone(), self.sender.address());
        let mut verdicts = std::mem::take(&mut self.verdicts);
        let (survey, setback);
        (verdicts, survey, setback) = blocking(move || {
            // Before what is read of the chain.
            let setback = verdicts.refresh(chain.setbacks());
            let survey = chain.view().and_then(|view| Ok(Survey::of(&view, account, &mut verdicts)?));
            (verdicts, survey, setback)
        })
        .await;
        self.verdicts = verdicts;
        if setback {
            self.said.lost.clear();
        }
        let survey = survey?;
        for case in &survey.cases {
            let (id, position) = (case.entry.id, case.challenge.position);
            if case.side == Side::Challenge && self.said.false_ones.insert(id) {
                let proposer = case.entry.commitment.proposer;
                warn!(commitment = %id, position, batch = case.statement.batch, %proposer, "false commitment found");
            }
        }
        Ok(survey)
    }

    /// Makes all moves that are due, then has decided what can be, which is never urgent. After a run that took long the round ends: there
    /// may be more urgent things by now than what comes next.
    async fn play(
        &mut self,
        games: Vec<Played>,
        rules: &Rules,
        shutdown: &mut Shutdown,
    ) -> Result<(), ChallengerError> {
        let began = Instant::now();
        let mut decidable = Vec::new();
        for played in games {
            if shutdown.requested() || began.elapsed() > LONG {
                break;
            }
            if let Some(due) = self.due(played).await {
                self.make(&due, rules, shutdown).await?;
                decidable.push(due);
            }
        }
        for due in decidable {
            self.resolve(&due, shutdown).await?;
            if began.elapsed() > LONG {
                break;
            }
        }
        Ok(())
    }

    /// What is due in a game; nothing if it cannot be known.
    async fn due(&mut self, Played { case, game, .. }: Played) -> Option<Due> {
        let (commitment, batch, side) = (case.entry.id, case.statement.batch, case.side);
        let run = self.runs.of(case.statement);
        let (account, next_block) = (self.sender.address(), self.chain.heads().l1.number + 1);
        let due = blocking(move || {
            let moves = game.moves(&*run, side, next_block)?;
            let decidable = game.resolvable(&*run, side, account, next_block)?;
            Ok(Due { case, moves, decidable })
        })
        .await;
        self.runs.trim();
        match due {
            Ok(due) => return Some(due),
            // The node ends, or L1 has moved on.
            Err(RunError::Trace(TraceError::Stopped { .. })) => {}
            Err(error @ RunError::Unwound) => debug!(%commitment, batch, %error, "a game is not played"),
            // Other games must go on.
            Err(error) => error!(%commitment, batch, %error, "the batch cannot be run in the machine"),
        }
        None
    }

    /// Makes the moves that are due, many in one transaction, as far as the limits allow.
    async fn make(&mut self, due: &Due, rules: &Rules, shutdown: &mut Shutdown) -> Result<(), ChallengerError> {
        let moves = self.affordable(due, rules);
        let mut groups: Vec<&[&Move]> = moves.chunks(MOVES).rev().collect();
        while let Some(group) = groups.pop() {
            if shutdown.requested() || !self.may_spend(share(due.case.side, self.config.max_gas_spend_per_day)) {
                return Ok(());
            }
            match self.make_at_once(&due.case, group, rules, shutdown).await {
                Ok(()) => {}
                // One of them spoils the others, or is one too many: halve them until each stands alone.
                Err(error) if group.len() > 1 && error.is_of_the_moves() => {
                    let (first, second) = group.split_at(group.len() / 2);
                    groups.extend([second, first]);
                }
                Err(ChallengerError::Send(error @ SendError::Reverted { .. })) => {
                    self.refused(&due.case, group[0], &error);
                }
                Err(error) if error.is_of_the_moves() => {
                    self.is_short = true;
                    warn!(commitment = %due.case.entry.id, %error, "a move that is due is left out");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Those of the moves whose bonds the limit allows, the most urgent first.
    fn affordable<'a>(&mut self, due: &'a Due, rules: &Rules) -> Vec<&'a Move> {
        let limit = U256::from(share(due.case.side, self.config.max_bonds));
        let (mut staked, mut left) = (self.staked, U256::ZERO);
        let lost = self.said.lost.contains(&due.case.entry.id);
        let mut moves = Vec::new();
        for next in due.moves.iter().filter(|next| !(lost && matches!(next, Move::Open { .. }))) {
            let bond = next.bond(rules);
            if staked + bond <= limit {
                staked += bond;
                moves.push(next);
            } else {
                left += bond;
            }
        }
        if !left.is_zero() {
            let (commitment, side) = (due.case.entry.id, due.case.side);
            if self.said.bonds.say() {
                warn!(%commitment, ?side, %limit, %staked, %left, "limit of bonds reached: moves that are due are left out");
            }
        }
        moves
    }

    /// Whether another transaction may be sent, if this much may be spent on gas in a day.
    fn may_spend(&mut self, limit: u128) -> bool {
        let remains = self.allowance.remains_of(limit, Instant::now());
        if !remains && self.said.gas.say() {
            warn!(limit, "limit of gas spending reached: what is due is left out");
        }
        remains
    }

    /// Makes these moves in one transaction.
    async fn make_at_once(
        &mut self,
        case: &Case,
        moves: &[&Move],
        rules: &Rules,
        shutdown: &mut Shutdown,
    ) -> Result<(), ChallengerError> {
        let bonds: U256 = moves.iter().map(|next| next.bond(rules)).sum();
        let (contract, mut missing) = (*self.game.address(), self.missing(bonds).await?);
        let input = match moves {
            [alone] => encode(case, alone),
            _ => {
                // A transaction of many moves takes no ETH.
                if !missing.is_zero() {
                    let deposit = DisputeGame::depositBondCall {}.abi_encode();
                    self.send(contract, missing, deposit.into(), shutdown).await?;
                    missing = U256::ZERO;
                }
                let data = moves.iter().map(|next| encode(case, next)).collect();
                DisputeGame::multicallCall { data }.abi_encode().into()
            }
        };
        // One that others may make in our place is sent even if a copy waits in L1's pool, which may never be included. Of many it
        // would spoil all: those are halved.
        let sender = if moves.len() == 1 { self.sender.clone().contested() } else { self.sender.clone() };
        let hash = self.send_by(sender, contract, missing, input, shutdown).await?;
        self.staked += bonds;
        let (commitment, position) = (case.entry.id, case.challenge.position);
        for next in moves {
            let (kind, level, node) = (kind(next), next.level(), next.id());
            let bond = next.bond(rules);
            info!(kind, %commitment, position, level, %node, %bond, transaction = %hash, "move made");
        }
        Ok(())
    }

    /// What must be sent along so that the free bond suffices, in wei.
    async fn missing(&self, bonds: U256) -> Result<U256, ChallengerError> {
        let account = self.sender.address();
        if bonds.is_zero() {
            return Ok(U256::ZERO);
        }
        let expected = bonds.saturating_sub(self.game.bondOf(account).call().await?);
        let received = self.l1.provider().get_balance(account).await?;
        if received < expected {
            return Err(ChallengerError::InsufficientFunds { account, received, expected });
        }
        Ok(expected)
    }

    /// L1 did not take a move.
    fn refused(&mut self, case: &Case, next: &Move, error: &SendError) {
        use DisputeGameErrors as Game;
        use StateCommitmentChainErrors as Commitments;

        let (kind, node, commitment) = (kind(next), next.id(), case.entry.id);
        match (error.decoded::<Game>(), error.decoded::<Commitments>()) {
            // Someone was faster, or L1 has moved on from what we saw: the chain will tell.
            (Some(Game::NodeAlreadyPosted(_) | Game::UnexpectedNodeStatus(_) | Game::ClockExpired(_)), _)
            | (_, Some(Commitments::UnexpectedCommitmentStatus(_))) => {
                debug!(kind, %node, %commitment, %error, "move not made");
            }
            (_, Some(Commitments::WindowPassed(_))) => {
                self.said.lost.insert(commitment);
                error!(%commitment, "a false commitment can no longer be challenged: its window has passed");
            }
            (Some(reason), _) => warn!(kind, %node, %commitment, ?reason, "L1 refuses a move"),
            _ => warn!(kind, %node, %commitment, %error, "L1 refuses a move"),
        }
    }

    /// Decides the nodes that can be decided.
    async fn resolve(&mut self, due: &Due, shutdown: &mut Shutdown) -> Result<(), ChallengerError> {
        let (commitment, position) = (due.case.entry.commitment, due.case.challenge.position);
        for page in due.decidable.chunks(PAGE) {
            // The other half is kept for moves, which cannot wait.
            if shutdown.requested() || !self.may_spend(share(due.case.side, self.config.max_gas_spend_per_day) / 2) {
                return Ok(());
            }
            let nodes = page.iter().map(|node| (*node).into()).collect();
            let resolve = DisputeGame::resolveCall { commitment: commitment.into(), position, nodes };
            match self.send(*self.game.address(), U256::ZERO, resolve.abi_encode().into(), shutdown).await {
                Ok(hash) => {
                    let (commitment, nodes) = (due.case.entry.id, page.len());
                    info!(%commitment, position, nodes, transaction = %hash, "nodes decided");
                }
                // The next round knows better, or has more ETH for gas. Other games must go on.
                Err(error) if error.is_of_the_moves() => {
                    self.is_short |= !matches!(error, ChallengerError::Send(SendError::Reverted { .. }));
                    debug!(commitment = %due.case.entry.id, %error, "nodes not decided");
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Withdraws what bonds and rewards have become free.
    async fn collect(&mut self, shutdown: &mut Shutdown) -> Result<(), ChallengerError> {
        if !self.uncollected {
            return Ok(());
        }
        let recipient = self.sender.address();
        let amount = self.game.bondOf(recipient).call().await?;
        if !amount.is_zero() {
            let withdraw = DisputeGame::withdrawBondCall { recipient, amount }.abi_encode();
            self.send(*self.game.address(), U256::ZERO, withdraw.into(), shutdown).await?;
            info!(%amount, "bonds withdrawn");
        }
        let amount = self.commitments.bondOf(recipient).call().await?;
        if !amount.is_zero() {
            let withdraw = StateCommitmentChain::withdrawBondCall { recipient, amount }.abi_encode();
            self.send(*self.commitments.address(), U256::ZERO, withdraw.into(), shutdown).await?;
            info!(%amount, "rewards withdrawn");
        }
        self.uncollected = false;
        Ok(())
    }

    /// Sends a transaction, books what it costs, and returns its hash once it is mined.
    async fn send(
        &mut self,
        to: Address,
        value: U256,
        input: Bytes,
        shutdown: &mut Shutdown,
    ) -> Result<B256, ChallengerError> {
        self.send_by(self.sender.clone(), to, value, input, shutdown).await
    }

    async fn send_by(
        &mut self,
        sender: Sender,
        to: Address,
        value: U256,
        input: Bytes,
        shutdown: &mut Shutdown,
    ) -> Result<B256, ChallengerError> {
        self.uncollected = true;
        let call = Call { to, value, input, terms: None, sidecar: None };
        let sent = sender.send(call, shutdown).await;
        let included = match &sent {
            Ok(receipt) => Some(receipt),
            Err(SendError::Reverted { receipt, .. }) => receipt.as_deref(),
            Err(_) => None,
        };
        if let Some(receipt) = included {
            let cost = u128::from(receipt.gas_used).saturating_mul(receipt.effective_gas_price);
            self.allowance.spend(cost, Instant::now());
        }
        let receipt = sent?;
        self.seen_from = receipt.block_number.unwrap_or_default();
        Ok(receipt.transaction_hash)
    }
}

/// What of a limit there is for one side. The other half is kept for lies: else an adversary would use it up by attacking what is true,
/// and lie then.
const fn share(side: Side, limit: u128) -> u128 {
    match side {
        Side::Challenge => limit,
        Side::Defend => limit / 2,
    }
}

/// A move's name for the log.
const fn kind(next: &Move) -> &'static str {
    match next {
        Move::Open { .. } => "open",
        Move::Counter { .. } => "counter",
        Move::ProveStep { .. } => "prove step",
    }
}

/// The call that makes a move.
fn encode(case: &Case, next: &Move) -> Bytes {
    match next.clone() {
        Move::Open { points, last_state, .. } => DisputeGame::openCall {
            commitment: case.entry.commitment.into(),
            parent: case.parent.into(),
            checkpoints: case.entry.checkpoints.clone(),
            position: case.challenge.position,
            points: points.to_vec(),
            lastState: last_state.into(),
        }
        .abi_encode(),
        Move::Counter { parent, dispute, points, .. } => {
            DisputeGame::counterCall { parent: parent.into(), dispute: dispute.into(), points: points.to_vec() }
                .abi_encode()
        }
        Move::ProveStep { node, dispute, witness, .. } => {
            DisputeGame::proveStepCall { node: node.into(), dispute: dispute.into(), witness }.abi_encode()
        }
    }
    .into()
}
