//! Disputes by hand: what anyone can do, and what must hold of all of them at any time.

use std::collections::BTreeSet;

use alloy::{
    eips::BlockId,
    primitives::{Address, B256, Bytes, U256, keccak256},
    providers::{DynProvider, Provider},
    rpc::types::TransactionReceipt,
};
use eyre::{OptionExt, Result, ensure};
use postern_bindings::dispute_game::DisputeGame::{self, DisputeGameInstance};
use postern_machine::Hart;
use postern_protocol::{
    commitment::Commitment,
    dispute::{LEVELS, Node, POINTS, Points},
};

use crate::{actor::Actor, devnet::Devnet, wait::Mined};

/// Bytes of a state of the machine: the root of its memory, then the hart.
pub const STATE_LENGTH: usize = 32 + Hart::LENGTH;

/// Values of `NodeStatus` of the contract.
pub mod node_status {
    /// Not decided.
    pub const OPEN: u8 = 1;
    /// A counter stands, and the parent does not know yet.
    pub const COUNTERED: u8 = 2;
    /// A counter stands.
    pub const REFUTED: u8 = 3;
    /// No counter stands, and none can come.
    pub const STANDS: u8 = 4;
}

/// A commitment on L1, with all that a dispute about it needs.
#[derive(Clone, Debug)]
pub struct Claim {
    /// It.
    pub commitment: Commitment,
    /// What it builds on.
    pub parent: Commitment,
    /// The outputs that it claims, one for each batch since.
    pub checkpoints: Vec<B256>,
    /// The L1 block in which it was proposed.
    pub block_number: u64,
}

impl Claim {
    /// The call that opens a dispute about one of its checkpoints.
    pub fn opening(&self, position: u64, points: &Points, last_state: impl Into<Bytes>) -> DisputeGame::openCall {
        DisputeGame::openCall {
            commitment: self.commitment.into(),
            parent: self.parent.into(),
            checkpoints: self.checkpoints.clone(),
            position,
            points: points.to_vec(),
            lastState: last_state.into(),
        }
    }
}

/// A node as it was posted.
#[derive(Clone, Copy, Debug)]
pub struct Posted {
    /// It.
    pub node: Node,
    /// By whom.
    pub author: Address,
    /// From 1, the level of an opening.
    pub level: u8,
}

impl Devnet {
    /// The dispute contract, for an actor.
    pub fn dispute_game_for(&self, actor: Actor) -> DisputeGameInstance<DynProvider> {
        DisputeGameInstance::new(self.deployment().dispute_game.address, self.client(actor).l1().clone())
    }

    /// A commitment, from the event of its proposal.
    ///
    /// # Errors
    /// If L1 does not have it, or cannot be reached.
    pub async fn claim(&self, id: B256) -> Result<Claim> {
        let contract = self.state_commitment_chain();
        let proposal = async |id| {
            let events = contract.CommitmentProposed_filter().topic1(id).from_block(0).query().await?;
            eyre::Ok(events.into_iter().next())
        };
        let (event, log) = proposal(id).await?.ok_or_eyre("no such commitment")?;
        let commitment = Commitment::from(event.commitment);
        let parent = match proposal(commitment.parent).await? {
            Some((event, _)) => event.commitment.into(),
            None => {
                let genesis = self.node().chain().output(0)?.ok_or_eyre("no genesis output")?;
                Commitment::genesis(genesis.root())
            }
        };
        let block_number = log.block_number.ok_or_eyre("it is in no block")?;
        Ok(Claim { commitment, parent, checkpoints: event.checkpoints, block_number })
    }

    /// Opens a dispute about a checkpoint of a commitment, and returns the opening.
    ///
    /// # Errors
    /// If the contract refuses, or L1 cannot be reached.
    pub async fn open(
        &self,
        by: Actor,
        claim: &Claim,
        position: u64,
        points: &Points,
        last_state: impl Into<Bytes>,
    ) -> Result<Node> {
        let game = self.dispute_game_for(by);
        let open = claim.opening(position, points, last_state);
        let bond = game.bondFor(1).call().await?;
        posted(&game.call_builder(&open).value(bond).send().await?.mined().await?)
    }

    /// Decides nodes of one challenge, in this order.
    ///
    /// # Errors
    /// If the contract refuses, or L1 cannot be reached.
    pub async fn resolve(&self, by: Actor, commitment: Commitment, position: u64, nodes: &[Node]) -> Result<()> {
        let game = self.dispute_game_for(by);
        let nodes = nodes.iter().map(|node| (*node).into()).collect();
        let receipt = game.resolve(commitment.into(), position, nodes).send().await?.mined().await?;
        ensure!(receipt.status(), "the decision was refused");
        Ok(())
    }

    /// Has a commitment rejected, true or not: by a dispute that nobody contests.
    ///
    /// # Errors
    /// If that fails.
    pub async fn reject(&self, commitment: Commitment, challenger: Actor) -> Result<()> {
        let claim = self.claim(commitment.id()).await?;
        // A run that did not end.
        let last_state = [0; STATE_LENGTH];
        let opening = self.open(challenger, &claim, 0, &[keccak256(last_state); POINTS], last_state).await?;
        self.warp_past_clock().await?;
        self.resolve(challenger, commitment, 0, &[opening]).await
    }

    /// All nodes there are on L1, in its order.
    ///
    /// # Errors
    /// If L1 cannot be reached.
    pub async fn posted_nodes(&self) -> Result<Vec<Posted>> {
        let events = self.dispute_game().NodePosted_filter().from_block(0).query().await?;
        let mut nodes: Vec<Posted> = Vec::new();
        for (event, _) in events {
            let parent = nodes.iter().find(|posted| posted.node.id() == event.parent);
            let level = parent.map_or(1, |parent| parent.level + 1);
            nodes.push(Posted { node: event.node.into(), author: event.author, level });
        }
        Ok(nodes)
    }

    /// What an actor has on L1 in wei: in its account, and in bonds, free or locked.
    ///
    /// # Errors
    /// If L1 cannot be reached.
    pub async fn wealth(&self, actor: Actor) -> Result<U256> {
        let (account, game, commitments) = (self.address(actor), self.dispute_game(), self.state_commitment_chain());
        let at = BlockId::from(self.l1_head().await?.block_number);
        let mut wealth = self.l1().get_balance(account).block_id(at).await?
            + game.bondOf(account).block(at).call().await?
            + commitments.bondOf(account).block(at).call().await?
            + commitments.lockedBondOf(account).block(at).call().await?;
        for Posted { node, author, level } in self.posted_nodes().await? {
            if author == account && game.nodeStatus(node.id()).block(at).call().await? == node_status::OPEN {
                wealth += game.bondFor(level).call().await?;
            }
        }
        Ok(wealth)
    }

    /// Checks that all bonds that came in are there, went out, or are burned: what the contracts hold is what accounts have free
    /// and what is locked. Accounts that are no actors must be among `others`.
    ///
    /// # Errors
    /// If the sums differ, or L1 cannot be reached.
    pub(crate) async fn check_bonds(&self, others: &[Address]) -> Result<()> {
        let (game, commitments) = (self.dispute_game(), self.state_commitment_chain());
        let burn = commitments.BURN_ADDRESS().call().await?;
        // Others go on meanwhile.
        let at = BlockId::from(self.l1_head().await?.block_number);
        let mut accounts: BTreeSet<_> = Actor::ALL.map(|actor| self.address(actor)).into();
        accounts.extend(others);
        accounts.insert(burn);

        let (mut free, mut of_commitments) = (U256::ZERO, U256::ZERO);
        for account in accounts {
            free += game.bondOf(account).block(at).call().await?;
            of_commitments += commitments.bondOf(account).block(at).call().await?;
            of_commitments += commitments.lockedBondOf(account).block(at).call().await?;
        }
        let (mut locked, mut burned) = (U256::ZERO, U256::ZERO);
        for Posted { node, level, .. } in self.posted_nodes().await? {
            ensure!(level <= LEVELS, "a node of level {level}");
            let bond = game.bondFor(level).call().await?;
            match game.nodeStatus(node.id()).block(at).call().await? {
                node_status::OPEN => locked += bond,
                node_status::COUNTERED | node_status::REFUTED => burned += bond - bond / U256::from(2),
                _ => {}
            }
        }
        let held = self.l1().get_balance(*game.address()).block_id(at).await?;
        ensure!(held == free + locked, "the disputes hold {held} wei, but {free} are free and {locked} locked");
        let forfeited = game.bondOf(burn).block(at).call().await?;
        ensure!(forfeited == burned, "{forfeited} wei of bonds were burned instead of {burned}");
        let held = self.l1().get_balance(*commitments.address()).block_id(at).await?;
        ensure!(held == of_commitments, "the commitments hold {held} wei, but {of_commitments} are free or locked");
        Ok(())
    }
}

/// The node that a transaction posted.
fn posted(receipt: &TransactionReceipt) -> Result<Node> {
    ensure!(receipt.status(), "the move was refused");
    let mut logs = receipt.logs().iter();
    let event = logs.find_map(|log| log.log_decode_validate::<DisputeGame::NodePosted>().ok());
    Ok(event.ok_or_eyre("no node was posted")?.inner.data.node.into())
}
