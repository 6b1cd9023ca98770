//! What a dispute about neighbouring points shows, and what not.

use alloy_primitives::{B256, keccak256};
use postern_protocol::dispute::{Dispute, LEVELS, POINTS, Points, points_root, spacing};
use proptest::prelude::*;

fn points(seed: u64) -> Points {
    std::array::from_fn(|index| keccak256([seed.to_be_bytes(), (index as u64).to_be_bytes()].concat()))
}

#[test]
fn a_level_lies_between_two_points_of_the_one_before() {
    assert_eq!(POINTS as u64 * spacing(1), 1 << 40);
    for level in 1..LEVELS {
        assert_eq!(POINTS as u64 * spacing(level + 1), spacing(level));
    }
    assert_eq!(spacing(LEVELS), 1);
}

#[test]
fn a_dispute_of_no_segment_has_no_root() {
    let dispute = Dispute::of(B256::ZERO, &points(0), 17);
    for segment in [0, POINTS as u64 + 1, u64::MAX] {
        assert_eq!(Dispute { segment, ..dispute.clone() }.root(), None, "{segment}");
    }
}

#[test]
fn the_start_is_not_among_the_points() {
    let points = points(0);
    let dispute = Dispute::of(B256::ZERO, &points, 1);
    assert_eq!(dispute.agreed, B256::ZERO);
    assert_eq!(Dispute { agreed: B256::repeat_byte(1), ..dispute }.root(), Some(points_root(&points)));
}

proptest! {
    #[test]
    fn it_shows_both_points_where_they_are(seed: u64, segment in 1..=POINTS, other in 1..=POINTS, flip in 0..10_usize) {
        let points = points(seed);
        let (start, root) = (keccak256("start"), points_root(&points));
        let dispute = Dispute::of(start, &points, segment);
        prop_assert_eq!(dispute.root(), Some(root));
        prop_assert_eq!(dispute.disputed, points[segment - 1]);
        prop_assert_eq!(dispute.agreed, if segment == 1 { start } else { points[segment - 2] });

        let moved = Dispute { segment: other as u64, ..dispute.clone() };
        prop_assert_eq!(moved.root() == Some(root), segment == other);
        let mut changed = vec![Dispute { disputed: start, ..dispute.clone() }];
        if segment > 1 {
            changed.push(Dispute { agreed: start, ..dispute.clone() });
        }
        if flip < dispute.siblings.len() {
            let mut siblings = dispute.siblings.clone();
            siblings[flip] = start;
            changed.push(Dispute { siblings, ..dispute.clone() });
        }
        for changed in changed {
            prop_assert!(changed.root().is_some_and(|other| other != root));
        }
        let mut siblings = dispute.siblings.clone();
        siblings.pop();
        prop_assert_eq!(Dispute { siblings, ..dispute.clone() }.root(), None);
        let siblings = [&dispute.siblings[..], &[start]].concat();
        prop_assert_eq!(Dispute { siblings, ..dispute }.root(), None);
    }
}
