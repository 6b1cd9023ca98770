//! Disputes as L1 tells them, takes them back, and contradicts itself.

use alloy::primitives::{Address, B256, keccak256};
use postern_protocol::{
    commitment::{Commitment, checkpoints_hash},
    dispute::{Challenge, LEVELS, Node, POINTS, Points, points_root, spacing},
};

use super::world::{ALICE, BOB, World, choices};
use crate::{
    chain::{Inconsistency, IngestError, L1Event, L1Step},
    fixture::{counter, opening},
    store::{L1Position, NodeEntry, NodeStatus},
};

const START: B256 = B256::repeat_byte(1);

/// Some points: others for each name.
fn points(name: u64) -> Points {
    std::array::from_fn(|i| keccak256([name, i as u64].map(u64::to_be_bytes).concat()))
}

/// A commitment of three checkpoints, none of which is true, and its id.
fn commitment() -> (B256, L1Event) {
    let checkpoints = vec![B256::repeat_byte(2); 3];
    let commitment = Commitment {
        parent: B256::ZERO,
        batch_hash: B256::ZERO,
        batch_count: 3,
        output_root: checkpoints[2],
        checkpoints_hash: checkpoints_hash(&checkpoints),
        proposer: BOB,
    };
    (commitment.id(), L1Event::Proposed { id: commitment.id(), commitment, checkpoints })
}

/// A world in which that commitment was proposed, and its id.
fn disputed_world() -> (World, B256) {
    let mut world = World::new();
    let (id, proposed) = commitment();
    world.mine(vec![proposed]);
    (world, id)
}

fn nodes_of(world: &World, challenge: Challenge) -> Vec<NodeEntry> {
    world.chain().nodes_of(challenge).unwrap()
}

/// Posts a counter, and reads it back.
fn post_counter(world: &mut World, parent: B256, author: Address, segment: usize, points: Points) -> NodeEntry {
    let parent = world.chain().node(parent).unwrap().unwrap();
    let (id, event) = counter(&parent, author, segment, points);
    world.mine(vec![event]);
    world.chain().node(id).unwrap().unwrap()
}

#[test]
fn a_dispute_is_kept_in_l1s_order_and_through_a_restart() {
    let (mut world, commitment) = disputed_world();
    let [first, last] = [0, 2].map(|position| Challenge { commitment, position });
    let (one, [posted, opened]) = opening(last, ALICE, START, points(1));
    let (other, second) = opening(first, BOB, START, points(2));
    let parent = NodeEntry {
        id: one,
        node: Node { parent: last.id(), first: 0, start: START, points_root: points_root(&points(1)) },
        points: Box::new(points(1)),
        challenge: last,
        author: ALICE,
        level: 1,
        status: NodeStatus::Open,
        l1: L1Position { block_number: 3, log_index: 0, transaction_hash: B256::ZERO },
    };
    let (counter_in_block, countered) = counter(&parent, BOB, 1, points(3));
    // Two transactions and a half: whoever counters at once does so in the block of the opening.
    world.mine([vec![posted, opened, countered], second.to_vec()].concat());
    let deep = post_counter(&mut world, counter_in_block, ALICE, POINTS, points(4));

    assert_eq!(world.chain().node(one).unwrap(), Some(parent));
    assert_eq!((deep.level, deep.challenge, deep.author), (3, last, ALICE));
    assert_eq!(deep.node.first, (POINTS as u64 - 1) * spacing(2));
    assert_eq!(deep.node.start, points(3)[POINTS - 2]);
    assert_eq!(deep.l1.block_number, 4);

    for _ in 0..2 {
        let ids = |challenge| nodes_of(&world, challenge).iter().map(|entry| entry.id).collect::<Vec<_>>();
        assert_eq!(ids(last), [one, counter_in_block, deep.id]);
        assert_eq!(ids(first), [other]);
        assert_eq!(world.chain().challenges_of(commitment).unwrap(), [first, last]);
        assert_eq!(world.chain().open_challenges().unwrap(), [first, last]);
        world.restart();
    }
    assert_eq!(world.chain().challenges_of(B256::ZERO).unwrap(), []);
    assert_eq!(nodes_of(&world, Challenge { position: 1, ..first }), []);
}

#[test]
fn a_challenge_is_open_until_all_its_nodes_are_decided() {
    let (mut world, commitment) = disputed_world();
    let challenge = Challenge { commitment, position: 1 };
    let (id, events) = opening(challenge, ALICE, START, points(1));
    world.mine(events.to_vec());
    let answer = post_counter(&mut world, id, BOB, 5, points(2));
    let status = |world: &World, id| world.chain().node(id).unwrap().unwrap().status;

    world.mine(vec![L1Event::NodeResolved { id: answer.id, stands: true }]);
    assert_eq!((status(&world, answer.id), status(&world, id)), (NodeStatus::Stands, NodeStatus::Open));
    assert_eq!(world.chain().open_challenges().unwrap(), [challenge]);
    world.mine(vec![L1Event::NodeResolved { id, stands: false }]);
    assert_eq!(status(&world, id), NodeStatus::Refuted);
    assert_eq!(world.chain().open_challenges().unwrap(), []);
    assert_eq!(world.chain().challenges_of(commitment).unwrap(), [challenge]);
    world.restart();
    assert_eq!(world.chain().open_challenges().unwrap(), []);
}

/// What the chain knows of the disputes about a commitment.
fn known(world: &World, commitment: B256) -> (Vec<NodeEntry>, Vec<Challenge>) {
    let challenges = world.chain().challenges_of(commitment).unwrap();
    let nodes: Vec<_> = challenges.into_iter().flat_map(|challenge| nodes_of(world, challenge)).collect();
    for entry in &nodes {
        assert_eq!(world.chain().node(entry.id).unwrap().as_ref(), Some(entry));
    }
    (nodes, world.chain().open_challenges().unwrap())
}

/// Whatever L1 brings and takes back: the chain knows what the blocks that are left brought, as it knew it then.
#[test]
fn a_reorganisation_takes_back_posts_and_decisions_at_every_point() {
    for seed in 0..12 {
        let mut choose = choices(seed);
        let (mut world, commitment) = disputed_world();
        let bare = world.l1.len();
        let mut states = vec![known(&world, commitment)];
        for step in 0..40 {
            let (nodes, _) = &states[world.l1.len() - bare];
            let open: Vec<_> = nodes.iter().filter(|entry| entry.status == NodeStatus::Open).collect();
            let one_of_open = (!open.is_empty()).then(|| open[choose(open.len() as u64) as usize]);
            let events = match (choose(8), one_of_open) {
                (0, _) | (_, None) => {
                    let challenge = Challenge { commitment, position: choose(3) };
                    opening(challenge, ALICE, START, points(step)).1.to_vec()
                }
                (1..4, Some(parent)) if parent.level < LEVELS => {
                    vec![counter(parent, BOB, 1 + choose(POINTS as u64) as usize, points(step)).1]
                }
                (4, _) => {
                    let depth = choose(6).min((world.l1.len() - bare) as u64) as usize;
                    states.truncate(states.len() - depth);
                    world.reorg(depth);
                    assert_eq!(known(&world, commitment), states[world.l1.len() - bare], "seed {seed}");
                    continue;
                }
                (5, _) => {
                    world.restart();
                    continue;
                }
                (_, Some(node)) => vec![L1Event::NodeResolved { id: node.id, stands: choose(2) == 0 }],
            };
            world.mine(events);
            states.push(known(&world, commitment));
        }
        world.reorg(world.l1.len() - bare);
        assert_eq!(known(&world, commitment), (vec![], vec![]), "seed {seed}");
    }
}

#[test]
fn blocks_read_as_a_range_tell_the_same() {
    let (mut world, commitment) = disputed_world();
    let (mut at_once, _) = disputed_world();
    let challenge = Challenge { commitment, position: 1 };
    let (id, events) = opening(challenge, ALICE, START, points(1));
    let mut logs = vec![events.to_vec()];
    world.mine(events.to_vec());
    let parent = world.chain().node(id).unwrap().unwrap();
    let (answer, countered) = counter(&parent, BOB, 7, points(2));
    logs.extend([vec![countered], vec![L1Event::NodeResolved { id: answer, stands: true }]]);
    logs[1..].iter().for_each(|events| world.mine(events.clone()));

    let placed = (3..).zip(logs).flat_map(|(block_number, events)| {
        let position = move |log_index| L1Position {
            block_number,
            log_index,
            transaction_hash: B256::with_last_byte(log_index as u8),
        };
        (0..).map(position).zip(events)
    });
    let step = L1Step { header: world.l1.last().unwrap().clone(), origins: Vec::new(), events: placed.collect() };
    at_once.chain().ingest(step).unwrap();

    assert_eq!(known(&at_once, commitment), known(&world, commitment));
    assert_eq!(known(&world, commitment).0.len(), 2);
    // The last block known before the range is the only one to go back to.
    at_once.reorg(0);
    assert_eq!(known(&at_once, commitment), (vec![], vec![]));
}

#[test]
fn an_l1_that_contradicts_itself_about_a_dispute_is_not_followed() {
    let (mut world, commitment) = disputed_world();
    let challenge = Challenge { commitment, position: 1 };
    let (id, [posted, opened]) = opening(challenge, ALICE, START, points(1));
    let refuse = |world: &mut World, events: &[L1Event]| match world.try_mine(events.to_vec()) {
        Err(IngestError::Inconsistent(reason)) => reason,
        other => panic!("{other:?}"),
    };

    // Openings: half of one, or of something else than they say.
    let unopened = refuse(&mut world, std::slice::from_ref(&posted));
    assert_eq!(unopened, Inconsistency::UnknownNode { id: challenge.id() });
    assert_eq!(refuse(&mut world, std::slice::from_ref(&opened)), Inconsistency::UnknownNode { id });
    let another = L1Event::ChallengeOpened { challenge: Challenge { position: 2, ..challenge }, opening: id };
    let reason = refuse(&mut world, &[posted.clone(), another]);
    assert!(matches!(reason, Inconsistency::Hash { what: "challenge id", .. }), "{reason}");
    let (_, beyond) = opening(Challenge { position: 3, ..challenge }, ALICE, START, points(1));
    assert_eq!(refuse(&mut world, &beyond), Inconsistency::Position { received: 3, count: 3 });
    let (_, unproposed) = opening(Challenge { commitment: START, position: 0 }, ALICE, START, points(1));
    assert_eq!(refuse(&mut world, &unproposed), Inconsistency::UnknownCommitment { id: START });
    let L1Event::NodePosted { node, points: asserted, .. } = posted.clone() else { unreachable!() };
    let as_posted = |node: Node| L1Event::NodePosted { id: node.id(), node, points: asserted.clone(), author: ALICE };
    let later = Node { first: 1, ..node };
    let at_later = [as_posted(later), L1Event::ChallengeOpened { challenge, opening: later.id() }];
    let misplaced = |node: Node| Inconsistency::MisplacedNode { id: node.id(), parent: node.parent };
    assert_eq!(refuse(&mut world, &at_later), misplaced(later));

    // Hashes.
    let other = Node { points_root: START, ..node };
    let named = L1Event::NodePosted { id, node: other, points: asserted.clone(), author: ALICE };
    assert!(matches!(refuse(&mut world, &[named]), Inconsistency::Hash { what: "node id", .. }));
    assert!(matches!(refuse(&mut world, &[as_posted(other)]), Inconsistency::Hash { what: "points root", .. }));

    assert_eq!(known(&world, commitment), (vec![], vec![]));
    world.mine(vec![posted.clone(), opened.clone()]);
    assert_eq!(refuse(&mut world, &[posted, opened]), Inconsistency::RepeatedNode { id });

    // Counters: to what, where, from which state, and to which.
    let parent = world.chain().node(id).unwrap().unwrap();
    let (answer, countered) = counter(&parent, BOB, 3, points(2));
    let L1Event::NodePosted { node, .. } = countered.clone() else { unreachable!() };
    let asserting = |node: Node, points: Points| {
        let node = Node { points_root: points_root(&points), ..node };
        (node, L1Event::NodePosted { id: node.id(), node, points: Box::new(points), author: BOB })
    };
    let mut agreeing = points(2);
    agreeing[POINTS - 1] = parent.points[2];
    for (node, points) in [
        (Node { first: node.first + 1, ..node }, points(2)),
        (Node { first: POINTS as u64 * spacing(1), start: parent.points[POINTS - 1], ..node }, points(2)),
        (Node { start: parent.points[2], ..node }, points(2)),
        (node, agreeing),
    ] {
        let (node, event) = asserting(node, points);
        assert_eq!(refuse(&mut world, &[event]), misplaced(node));
    }
    let (_, orphan) = asserting(Node { parent: START, ..node }, points(2));
    assert_eq!(refuse(&mut world, &[orphan]), Inconsistency::UnknownNode { id: START });

    // Decisions.
    let early = [L1Event::NodeResolved { id: answer, stands: true }];
    assert_eq!(refuse(&mut world, &early), Inconsistency::UnknownNode { id: answer });
    world.mine(vec![countered.clone()]);
    assert_eq!(refuse(&mut world, &[countered]), Inconsistency::RepeatedNode { id: answer });
    let decided = L1Event::NodeResolved { id: answer, stands: true };
    world.mine(vec![decided.clone()]);
    assert_eq!(refuse(&mut world, &[decided]), Inconsistency::RepeatedNode { id: answer });

    // The last level has steps, not counters.
    let mut last = id;
    for level in 2..=LEVELS {
        last = post_counter(&mut world, last, BOB, 1, points(u64::from(level) + 8)).id;
    }
    let parent = world.chain().node(last).unwrap().unwrap();
    assert_eq!((parent.level, parent.node.first), (LEVELS, 0));
    let beyond = Node { parent: last, first: 0, start: START, points_root: B256::ZERO };
    let (node, event) = asserting(beyond, points(1));
    assert_eq!(refuse(&mut world, &[event]), misplaced(node));
}
