//! Contracts that take no ETH, as parties to a dispute: they cannot be paid, and that is all that comes of it.

use alloy::{
    primitives::{Address, Bytes, U256, address},
    providers::{DynProvider, Provider},
    sol_types::SolCall,
};
use eyre::{Result, ensure};
use postern_bindings::{DisputeGame, StateCommitmentChain};
use postern_node::dispute::{Game, Move, Side};
use postern_protocol::commitment::Commitment;
use postern_tests::{
    Actor, Devnet, Mined, Roles, expect_revert,
    targets::Puppet::{self, PuppetInstance},
};

use super::{LIE, Scene, WATCHED, chain};

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");

/// A contract that does what Bob says, and takes no ETH.
struct Refuser(PuppetInstance<DynProvider>);

impl Refuser {
    async fn deploy(devnet: &Devnet) -> Result<Self> {
        let l1 = devnet.client(Actor::Bob).l1().clone();
        Ok(Self(Puppet::new(devnet.deploy(&l1, "Puppet", ()).await?, l1)))
    }

    fn address(&self) -> Address {
        *self.0.address()
    }

    /// Has it call another contract, with so much ETH.
    async fn call(&self, target: Address, value: U256, call: impl SolCall) -> Result<()> {
        let call = self.0.act(target, value, call.abi_encode().into()).value(value);
        ensure!(call.send().await?.mined().await?.status(), "the call failed");
        Ok(())
    }

    /// Proposes its own commitment to the first batch.
    async fn propose(&self, devnet: &Devnet) -> Result<Commitment> {
        let (parent, checkpoints) = (devnet.genesis_commitment().await?, devnet.output_roots(1).await?);
        let commitment = devnet.commitment(Actor::Bob, parent, &checkpoints[..1]).await?;
        let contract = devnet.state_commitment_chain();
        let bond = U256::from(contract.BOND().call().await?);
        let (batch_hash, checkpoints) = (commitment.batch_hash, checkpoints[..1].to_vec());
        let propose = StateCommitmentChain::proposeCall { parent, batchHash: batch_hash, checkpoints };
        self.call(*contract.address(), bond, propose).await?;
        Ok(Commitment { proposer: self.address(), ..commitment })
    }

    /// Checks that it does not get its free bond of a contract, but can give it to someone else.
    async fn check_payout(&self, devnet: &Devnet, contract: Address, amount: U256) -> Result<()> {
        // The same call of both contracts.
        let withdraw = |recipient| DisputeGame::withdrawBondCall { recipient, amount };
        let call: Bytes = withdraw(self.address()).abi_encode().into();
        let refused = self.0.act(contract, U256::ZERO, call).call().await;
        let error = expect_revert::<DisputeGame::BondTransferFailed>(refused);
        assert_eq!((error.recipient, error.amount), (self.address(), amount));
        let before = devnet.l1().get_balance(RECIPIENT).await?;
        self.call(contract, U256::ZERO, withdraw(RECIPIENT)).await?;
        assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, before + amount);
        Ok(())
    }
}

/// Its commitment is true, attacked and defended. It becomes final, and its bond waits for a recipient.
#[tokio::test]
async fn a_proposer_that_takes_no_eth() -> Result<()> {
    let devnet = chain(WATCHED, 1).await?;
    let refuser = Refuser::deploy(&devnet).await?;
    let wealth = devnet.wealth(Actor::Challenger).await?;
    let commitment = refuser.propose(&devnet).await?;
    let mut scene = Scene::about(devnet, commitment, 0, Side::Defend, wealth).await?;
    scene.others.push(refuser.address());
    scene.play(&[scene.adversary(Actor::Mallory, scene.steps() / 2)]).await?;
    scene.stands().await?;

    let contract = scene.devnet.state_commitment_chain();
    let bond = U256::from(contract.BOND().call().await?);
    assert_eq!(contract.bondOf(refuser.address()).call().await?, bond);
    refuser.check_payout(&scene.devnet, *contract.address(), bond).await?;
    scene.check_end().await
}

/// It copied the challenger's opening, and has the bond and the rewards for it, of which it gets nothing. The lie falls all the same.
#[tokio::test]
async fn a_winner_that_takes_no_eth() -> Result<()> {
    let mut scene = Scene::of_lie(chain(Roles::SEQUENCER, 1).await?, 1, 0, |output| output.state_root = LIE).await?;
    let refuser = Refuser::deploy(&scene.devnet).await?;
    scene.others.push(refuser.address());
    let (rules, game) = (scene.devnet.rules().await?, *scene.devnet.dispute_game().address());
    let honest = &scene.honest;
    let opening = Game::new(honest.challenge(), rules, []).moves(&*honest.run, Side::Challenge, 0)?.pop();
    let Some(Move::Open { points, last_state, .. }) = opening else { panic!("it opens") };
    refuser.call(game, rules.bond, honest.claim.opening(honest.position, &points, last_state)).await?;

    scene.devnet.restart_with(WATCHED).await?;
    scene.play(&[scene.adversary(Actor::Mallory, scene.steps() / 2)]).await?;
    assert_eq!(scene.levels(Actor::Challenger).await?, [3, 5, 7]);
    scene.falls().await?;

    let contract = scene.devnet.state_commitment_chain();
    let reward = U256::from(contract.BOND().call().await?) / U256::from(2);
    assert_eq!(contract.bondOf(refuser.address()).call().await?, reward);
    refuser.check_payout(&scene.devnet, *contract.address(), reward).await?;
    assert_eq!(scene.devnet.dispute_game().bondOf(refuser.address()).call().await?, rules.bond);
    refuser.check_payout(&scene.devnet, game, rules.bond).await?;
    scene.check_end().await
}
