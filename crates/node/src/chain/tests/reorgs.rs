//! What L1 takes back.

use super::world::{BOB, ETHER, POLICY, World, choices, transfer, user};

#[test]
fn a_batch_that_l1_dropped_is_posted_again_unchanged() {
    let mut world = World::new();
    world.mine(Vec::new());
    let hash = world.submit(&transfer(1, 0, BOB, 5));
    world.sequence();
    let posted = world.chain().next_to_post().unwrap().unwrap();
    world.settle();
    let safe = world.heads().safe;

    world.reorg(1);

    let heads = world.heads();
    assert_eq!((heads.safe.number, heads.derived), (0, 0));
    assert_eq!(heads.unsafe_, safe);
    assert!(world.is_included(hash));
    assert_eq!(world.chain().next_to_post().unwrap(), Some(posted));
    world.settle();
    assert_eq!(world.heads().safe, safe);
}

#[test]
fn blocks_without_their_origin_are_built_anew() {
    let mut world = World::new();
    world.mine(Vec::new());
    let hash = world.submit(&transfer(1, 0, BOB, 5));
    world.sequence();
    world.settle();
    let safe = world.heads().safe;

    world.reorg(3);

    let heads = world.heads();
    assert_eq!((heads.safe.number, heads.unsafe_.number), (0, 0));
    assert!(!world.is_included(hash) && world.has(hash));
    world.mine(Vec::new());
    world.settle();
    assert!(world.is_included(hash));
    assert_ne!(world.heads().safe.hash, safe.hash);
}

#[test]
fn what_spends_a_dropped_deposit_waits_until_it_comes_again() {
    let mut world = World::new();
    world.mine(Vec::new());
    let deposit = world.deposit(user(3).address(), ETHER);
    world.mine(vec![deposit]);
    world.sequence();
    let spending = world.submit(&transfer(3, 0, BOB, ETHER / 2));
    world.sequence();
    world.settle();
    assert!(world.is_included(spending));

    let dropped = world.l1.len() - 2;
    world.reorg(dropped);
    world.mine(Vec::new());
    world.sequence();
    assert!(!world.is_included(spending) && world.has(spending));
    world.restart();
    assert!(world.has(spending));

    let deposit = world.deposit(user(3).address(), ETHER);
    world.mine(vec![deposit]);
    world.settle();
    assert!(world.is_included(spending));
}

/// L1 is followed while batches are executed.
#[test]
fn what_was_executed_on_what_l1_dropped_is_not_taken() {
    let mut world = World::new();
    world.mine(Vec::new());
    let batch = world.force();
    world.mine(vec![batch]);
    let executed = |world: &World| world.chain().execute_next().unwrap().unwrap();
    let [gone, replaced, derived] = [executed(&world), executed(&world), executed(&world)];

    world.reorg(1);
    let before = world.heads();
    world.chain().put_derived(gone).unwrap();
    assert_eq!(world.heads(), before);

    // Another batch is in its place.
    let deposit = world.deposit(BOB, ETHER);
    world.mine(vec![deposit]);
    let other = world.force();
    world.mine(vec![other]);
    let before = world.heads();
    world.chain().put_derived(replaced).unwrap();
    assert_eq!(world.heads(), before);

    // It came again, as it was.
    world.reorg(2);
    let batch = world.force();
    world.mine(vec![batch]);
    let again = executed(&world);
    world.chain().put_derived(derived).unwrap();
    let after = world.heads();
    assert_eq!((after.derived, after.safe.number), (1, 1));
    world.chain().put_derived(again).unwrap();
    assert_eq!(world.heads(), after, "nor taken twice");
}

/// Whatever happens in whatever order: unsafe blocks derive to themselves unless a batch is forced, no acknowledged transaction
/// is lost, and in the end everything is safe.
#[test]
fn nothing_is_lost_whatever_happens() {
    for seed in 0..24 {
        let mut choose = choices(seed);
        let mut world = World::new();
        world.mine(Vec::new());
        let mut acknowledged = Vec::new();
        for _ in 0..40 {
            match choose(8) {
                0 => {
                    let deposit = world.deposit(BOB, 1);
                    world.mine(vec![deposit]);
                }
                1 | 2 => {
                    let from = 1 + choose(2) as u8;
                    let nonce = world.chain().next_nonce(user(from).address()).unwrap();
                    acknowledged.push(world.submit(&transfer(from, nonce, BOB, 1)));
                }
                3 => drop(world.chain().sequence(&POLICY, 0).unwrap()),
                4 => world.derive(),
                5 => match world.post() {
                    Some(batch) => world.mine(vec![batch]),
                    None => world.mine(Vec::new()),
                },
                6 => {
                    let depth = choose(3).min(world.l1.len() as u64 - 2);
                    world.reorg(depth as usize);
                }
                _ => match choose(4) {
                    0 if !world.queue.is_empty() => {
                        let forced = world.force();
                        world.mine(vec![forced]);
                    }
                    _ => world.restart(),
                },
            }
            assert!(acknowledged.iter().all(|hash| world.has(*hash)), "seed {seed}");
        }
        world.mine(Vec::new());
        world.settle();
        let heads = world.heads();
        assert_eq!(heads.safe, heads.unsafe_, "seed {seed}");
        assert!(acknowledged.iter().all(|hash| world.is_included(*hash)), "seed {seed}");
        assert_eq!(world.executed(), world.queue.len() as u64, "seed {seed}");
    }
}
