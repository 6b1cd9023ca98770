//! Attacks on true commitments, which the challenger defends, whoever proposed them.

use std::{array, sync::Arc, time::Duration};

use alloy::{
    primitives::{B256, Bytes, U256, keccak256},
    providers::ext::AnvilApi,
    sol_types::SolCall,
};
use eyre::{OptionExt, Result, WrapErr};
use postern_bindings::StateCommitmentChain;
use postern_client::{Error, Status};
use postern_node::dispute::{Game, Move, Side};
use postern_tests::{
    Actor, Devnet, PATIENCE, Roles,
    adversary::{Assertion, Party, STEPS},
    disputes::Posted,
    ether, expect_revert,
};
use rstest::rstest;

use super::{FINAL, Scene, WATCHED, against, batches, chain};

/// How long to wait for what must not come.
const BRIEFLY: Duration = Duration::from_millis(500);

impl Scene {
    /// What the bonds of an actor's nodes come to, in wei.
    async fn staked(&self, actor: Actor) -> Result<U256> {
        let (rules, author) = (self.devnet.rules().await?, self.devnet.address(actor));
        let nodes = self.devnet.posted_nodes().await?;
        let of_actor = nodes.iter().filter(|posted: &&Posted| posted.author == author);
        Ok(of_actor.map(|posted| rules.bond_for(posted.level)).sum())
    }
}

/// A stranger's commitment is attacked at points of the run that are others each time, by three at once. Its proposer does nothing.
#[tokio::test]
async fn at_random_points() -> Result<()> {
    let scene = Scene::of_truth(chain(WATCHED, 1).await?, 1, 0).await?;
    let attackers = [Actor::Mallory, Actor::Alice, Actor::Relayer];
    let from = attackers.map(|actor| {
        let random = keccak256([scene.id(), B256::with_last_byte(actor as u8)].concat());
        (U256::from_be_bytes(random.0) % U256::from(scene.steps())).to()
    });
    let attack = async {
        scene.play(&array::from_fn::<_, 3, _>(|index| scene.adversary(attackers[index], from[index]))).await?;
        scene.stands().await
    };
    attack.await.wrap_err_with(|| format!("attacked after {from:?} steps"))?;

    let challenger = scene.staked(Actor::Challenger).await?;
    for attacker in attackers {
        assert_eq!(scene.levels(attacker).await?[0], 1);
        assert_eq!(scene.devnet.dispute_game().bondOf(scene.devnet.address(attacker)).call().await?, U256::ZERO);
    }
    let staked =
        [scene.staked(attackers[0]).await?, scene.staked(attackers[1]).await?, scene.staked(attackers[2]).await?];
    assert!(challenger <= U256::from(2) * staked.iter().sum::<U256>(), "{challenger} against {staked:?}");
    assert!(scene.has_gained().await?);
    // The proposer has its bond.
    let bob = scene.devnet.address(Actor::Bob);
    let contract = scene.devnet.state_commitment_chain();
    assert_eq!(contract.bondOf(bob).call().await?, U256::from(contract.BOND().call().await?));
    Ok(())
}

/// The attacker says what is true until the last step: of the run, or of all that there are.
#[rstest]
#[case::of_the_run(|steps| steps - 1)]
#[case::of_all(|_| STEPS - 1)]
#[tokio::test]
async fn at_the_last_step(#[case] last: fn(u64) -> u64) -> Result<()> {
    let scene = Scene::of_truth(chain(WATCHED, 1).await?, 1, 0).await?;
    let from = last(scene.steps());
    scene.play(&[scene.adversary(Actor::Mallory, from)]).await?;
    assert_eq!(scene.levels(Actor::Challenger).await?, [2, 4, 6, 8]);
    scene.stands().await
}

/// All checkpoints of a commitment are attacked at once, more than the challenger keeps runs of.
#[tokio::test]
async fn at_all_checkpoints() -> Result<()> {
    const BATCHES: u64 = 5;
    let devnet = Devnet::tuned(WATCHED, |config| {
        if let Some((_, challenger)) = &mut config.challenger {
            challenger.max_runs = 2;
        }
    })
    .await?;
    let scene = Scene::of_truth(batches(devnet, BATCHES).await?, BATCHES, 0).await?;
    let Scene { devnet, honest, .. } = &scene;
    let mut parties = Vec::new();
    for position in 0..BATCHES {
        let run = Arc::new(Assertion::truth(devnet.truth(position).await?));
        let honest = Party { position, run, ..honest.clone() };
        let attacker = against(&honest, Actor::Mallory, honest.run.steps() / (position + 2));
        assert_eq!(attacker.act(devnet).await?.len(), 1);
        parties.push((honest, attacker));
    }
    let contract = devnet.state_commitment_chain();
    assert_eq!(u64::from(contract.challengesOf(scene.id()).call().await?), BATCHES);
    for (honest, attacker) in parties {
        devnet.play(&honest, &[attacker]).await?;
    }
    assert_eq!(scene.levels(Actor::Challenger).await?.len() as u64, 4 * BATCHES);
    scene.stands().await?;
    assert!(scene.has_gained().await?);
    Ok(())
}

/// Fifty challenges in one transaction. Each is refuted once, with a bond of twice as much, and that is all that it costs.
#[tokio::test]
async fn by_fifty_sybils() -> Result<()> {
    const SYBILS: u64 = 50;
    let scene = Scene::of_truth(chain(WATCHED, 1).await?, 1, 0).await?;
    let Scene { devnet, honest, .. } = &scene;
    let rules = devnet.rules().await?;
    let lie = scene.adversary(Actor::Mallory, scene.steps() / 2);
    let mut calls: Vec<Bytes> = Vec::new();
    for salt in 0..SYBILS {
        let run = lie.run.as_ref().clone().salted(salt);
        let opening = Game::new(lie.challenge(), rules, []).moves(&run, Side::Challenge, 0)?.pop();
        let Some(Move::Open { points, last_state, .. }) = opening else { panic!("it opens") };
        calls.push(honest.claim.opening(honest.position, &points, last_state).abi_encode().into());
    }
    scene.make_at_once(Actor::Mallory, calls, rules.bond * U256::from(SYBILS)).await?;
    assert_eq!(devnet.state_commitment_chain().challengesOf(scene.id()).call().await?, SYBILS as u32);

    devnet.answered(honest).await?;
    assert_eq!(scene.levels(Actor::Challenger).await?, [2; SYBILS as usize]);
    assert_eq!(scene.staked(Actor::Challenger).await?, U256::from(2) * scene.staked(Actor::Mallory).await?);
    scene.stands().await?;
    assert!(scene.has_gained().await?);
    Ok(())
}

/// The attacker opens in the last L1 block of the window, and makes each move in the last L1 block of its clock. Even so the
/// commitment is final in time.
#[tokio::test]
async fn by_last_second_moves() -> Result<()> {
    let scene = Scene::of_truth(chain(WATCHED, 1).await?, 1, 0).await?;
    let Scene { devnet, honest, .. } = &scene;
    let attacker = scene.adversary(Actor::Mallory, scene.steps() / 3);
    let end = devnet.state_commitment_chain().finalizableAt(scene.id()).call().await?;
    devnet.l1().anvil_increase_time(end.time - devnet.l1_head().await?.time).await?;
    devnet.mine_to(end.blockNumber - 2).await?;
    while !attacker.act_late(devnet).await?.is_empty() {
        devnet.answered(honest).await?;
    }
    assert_eq!(scene.levels(Actor::Mallory).await?, [1, 3, 5, 7]);
    assert_eq!(scene.levels(Actor::Challenger).await?, [2, 4, 6, 8]);
    scene.stands().await
}

/// For a month L1 makes a block a day, and nobody can answer the attack. That takes none of anyone's clock, as it does not let the
/// window end: both are counted in L1 blocks.
#[tokio::test]
async fn while_l1_misses_slots() -> Result<()> {
    const DAY: u64 = 24 * 60 * 60;
    let mut scene = Scene::of_truth(chain(Roles::SEQUENCER, 1).await?, 1, 0).await?;
    let Scene { devnet, honest, .. } = &scene;
    let attacker = scene.adversary(Actor::Mallory, scene.steps() / 2);
    assert_eq!(attacker.act(devnet).await?.len(), 1);
    for _ in 0..30 {
        devnet.l1().anvil_increase_time(DAY).await?;
        devnet.mine(1).await?;
    }
    let due = honest.moves(devnet).await?;
    let head = devnet.l1_head().await?.block_number;
    let clock = devnet.rules().await?.clock;
    assert_eq!(due.iter().map(Move::deadline).collect::<Vec<_>>(), [Some(head - 30 + clock)]);
    let output = devnet.node().chain().output(1)?.ok_or_eyre("it is derived")?;
    let contract = devnet.state_commitment_chain();
    let finalize = contract.finalize(honest.claim.commitment.into(), output.into());
    expect_revert::<StateCommitmentChain::WindowOpenInBlocks>(finalize.call().await);
    devnet.warp_past_window_of(scene.id()).await?;
    let error = expect_revert::<StateCommitmentChain::CommitmentChallenged>(finalize.call().await);
    assert_eq!((error.id, error.challenges), (scene.id(), 1));

    scene.devnet.restart_with(WATCHED).await?;
    scene.play(&[attacker]).await?;
    scene.stands().await
}

/// What the operator proposed is attacked, and with it a user's message. The user sees it, and waits; the operator goes on, and has
/// it all final when the dispute is over.
#[tokio::test]
async fn on_the_way_of_a_message() -> Result<()> {
    let devnet = chain(Roles::GUARDED, 1).await?;
    let alice = devnet.client(Actor::Alice);
    let wealth = devnet.wealth(Actor::Challenger).await?;
    let withdrawal = devnet.withdraw(Actor::Alice, devnet.address(Actor::Alice), ether(1), 0, Bytes::new()).await?;
    let provable = devnet.provable(&withdrawal).await?;
    let proven = alice.prove(&provable).await?.state;
    let commitment = *provable.commitment();
    let scene = Scene::about(devnet, commitment, 0, Side::Defend, wealth).await?;
    let Scene { devnet, .. } = &scene;
    let attacker = scene.adversary(Actor::Mallory, scene.steps() / 2);
    attacker.act(devnet).await?;
    assert_eq!(alice.status(&withdrawal).await?, Status::WaitingToFinalize);

    devnet.warp_past_challenge_window().await?;
    assert_eq!(alice.status(&withdrawal).await?, Status::Challenged { challenges: 1 });
    let early = alice.wait_to_finalize(&proven, BRIEFLY).await;
    assert!(
        matches!(early, Err(Error::CommitmentChallenged { commitment, challenges: 1 }) if commitment == scene.id()),
        "{early:?}"
    );
    let refused = expect_revert::<StateCommitmentChain::CommitmentChallenged>(alice.finalize(&proven).await);
    assert_eq!((refused.id, refused.challenges), (scene.id(), 1));
    // L2 goes on meanwhile, and so does what is proposed on top; there the way is as long.
    let next = devnet.withdraw(Actor::Alice, devnet.address(Actor::Alice), U256::ONE, 0, Bytes::new()).await?;
    let provable = devnet.provable(&next).await?;
    alice.prove(&provable).await?;
    assert_eq!(alice.status(&next).await?, Status::WaitingToFinalize);
    devnet.warp_past_challenge_window().await?;
    assert_eq!(alice.status(&next).await?, Status::Challenged { challenges: 1 });
    scene.play(&[attacker]).await?;
    scene.expire().await?;

    alice.wait_to_finalize(&proven, PATIENCE).await?;
    alice.finalize(&proven).await?;
    assert_eq!(alice.status(&withdrawal).await?, Status::Finalized);
    assert_eq!(scene.status().await?, FINAL);
    alice.execute(&devnet.executable(&next).await?).await?;
    scene.check_end().await
}
