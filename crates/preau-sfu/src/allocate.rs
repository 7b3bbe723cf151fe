//! Which layer of which video a receiver gets, when not all of them fit through their link.
//!
//! A pure decision: what is wanted, what each layer costs, what the link carries. First every video gets
//! its lowest layer, the most important first; then, in the same order and layer by layer, they are raised.
//! Sound is not among them: it is subtracted from the link beforehand and always sent.
//!
//! Estimates are pessimists on networks that lose a little of everything, as crowded Wi-Fi does. So one
//! picture may stay although it should not fit, as long as the losses do not hurt the voices.

use crate::ids::TrackKey;

/// A layer above the one a receiver has must fit with this much to spare, in percent of its cost: what
/// was just reached should not be lost again at the next breath of the network.
const SPARE: u64 = 15;

/// How important a video is. The smaller, the sooner it is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Priority {
    /// A screen: small print, and what the lesson is about.
    Screen,
    /// The camera of whoever leads.
    Lead,
    /// Any other camera.
    Other,
}

/// One video a receiver would like to get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) track: TrackKey,
    pub(crate) priority: Priority,
    /// Layers that may be sent, from the lowest: rank and bits a second. Those above the wish, the
    /// window's size or the room's step are not among them.
    pub(crate) layers: Vec<(u8, u64)>,
    /// What is being sent now.
    pub(crate) current: Option<u8>,
}

/// What a receiver gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) track: TrackKey,
    /// The highest layer to send; None: pause.
    pub(crate) rank: Option<u8>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Allocation {
    /// In the order of the wishes.
    pub(crate) shares: Vec<Share>,
    /// Bits a second of all that was given, of the next layer besides, and of everything wanted.
    pub(crate) given: u64,
    pub(crate) next: u64,
    pub(crate) wanted: u64,
}

/// Divides `budget` bits a second; None means that the link's width is unknown and nothing is held back.
/// With `keep_one`, the most important video keeps its lowest layer whatever the budget says.
pub(crate) fn allocate(budget: Option<u64>, keep_one: bool, wishes: &[Wish]) -> Allocation {
    let budget = budget.unwrap_or(u64::MAX);
    let mut order: Vec<usize> = (0..wishes.len()).collect();
    order.sort_by_key(|index| (wishes[*index].priority, wishes[*index].track));
    // For each wish, how many of its layers it has.
    let mut levels = vec![0usize; wishes.len()];
    let mut given = 0u64;
    let mut next = None;
    let deepest = wishes.iter().map(|wish| wish.layers.len()).max().unwrap_or(0);
    for level in 0..deepest {
        for &index in &order {
            let wish = &wishes[index];
            if levels[index] != level {
                continue;
            }
            let Some((rank, cost)) = wish.layers.get(level).copied() else { continue };
            let before = level.checked_sub(1).map_or(0, |below| wish.layers[below].1);
            let more = cost.saturating_sub(before);
            let spare =
                if wish.current.is_none_or(|current| rank > current) { more * SPARE / 100 } else { 0 };
            let kept = keep_one && level == 0 && order.first() == Some(&index);
            if kept || given.saturating_add(more + spare) <= budget {
                given += more;
                levels[index] = level + 1;
            } else {
                next.get_or_insert(given.saturating_add(more + spare));
            }
        }
    }
    let shares = wishes
        .iter()
        .zip(&levels)
        .map(|(wish, level)| Share {
            track: wish.track,
            rank: level.checked_sub(1).map(|top| wish.layers[top].0),
        })
        .collect();
    let wanted = wishes.iter().filter_map(|wish| wish.layers.last()).map(|(_, cost)| cost).sum();
    Allocation { shares, given, next: next.unwrap_or(given), wanted }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wish(track: u64, priority: Priority, layers: &[(u8, u64)], current: Option<u8>) -> Wish {
        Wish { track: TrackKey(track), priority, layers: layers.to_vec(), current }
    }

    const CAMERA: &[(u8, u64)] = &[(0, 150_000), (1, 500_000), (2, 1_700_000)];

    fn ranks(budget: u64, wishes: &[Wish]) -> Vec<Option<u8>> {
        allocate(Some(budget), false, wishes).shares.iter().map(|share| share.rank).collect()
    }

    #[test]
    fn the_screen_comes_first_then_the_lead_then_everybody() {
        let wishes = [
            wish(1, Priority::Other, CAMERA, None),
            wish(2, Priority::Lead, CAMERA, None),
            wish(3, Priority::Screen, &[(2, 1_000_000)], None),
        ];
        assert_eq!(ranks(1_160_000, &wishes), [None, None, Some(2)]);
        assert_eq!(ranks(1_200_000, &wishes), [None, Some(0), Some(2)]);
        assert_eq!(ranks(1_400_000, &wishes), [Some(0), Some(0), Some(2)]);
        assert_eq!(ranks(1_800_000, &wishes), [Some(0), Some(1), Some(2)]);
        assert_eq!(ranks(9_000_000, &wishes), [Some(2), Some(2), Some(2)]);
        assert_eq!(ranks(100_000, &wishes), [None, None, None]);
    }

    #[test]
    fn everybody_s_low_layer_before_anybody_s_high_one() {
        let wishes: Vec<Wish> = (0..4).map(|n| wish(n, Priority::Other, CAMERA, None)).collect();
        assert_eq!(ranks(800_000, &wishes), [Some(0); 4]);
        assert_eq!(ranks(1_400_000, &wishes), [Some(1), Some(1), Some(0), Some(0)]);
    }

    #[test]
    fn what_one_has_is_kept_more_easily_than_it_is_got() {
        let at = |current| ranks(520_000, &[wish(1, Priority::Lead, CAMERA, current)]);
        assert_eq!(at(Some(1)), [Some(1)]);
        assert_eq!(at(Some(0)), [Some(0)]);
    }

    #[test]
    fn an_unknown_link_holds_nothing_back_and_sums_are_told() {
        let allocation = allocate(None, false, &[wish(1, Priority::Lead, CAMERA, None)]);
        assert_eq!((allocation.given, allocation.wanted), (1_700_000, 1_700_000));
        let allocation = allocate(Some(300_000), false, &[wish(1, Priority::Lead, CAMERA, Some(0))]);
        assert_eq!((allocation.given, allocation.wanted), (150_000, 1_700_000));
        assert_eq!(allocation.next, 150_000 + 350_000 * 115 / 100);
    }

    #[test]
    fn one_picture_may_stay_where_only_losses_say_otherwise() {
        let wishes = [
            wish(1, Priority::Other, CAMERA, None),
            wish(2, Priority::Screen, &[(0, 200_000), (2, 900_000)], None),
        ];
        let kept = allocate(Some(10_000), true, &wishes);
        assert_eq!(kept.shares.iter().map(|share| share.rank).collect::<Vec<_>>(), [None, Some(0)]);
        assert_eq!(kept.given, 200_000);
        assert!(kept.next >= kept.given);
    }

    fn wishes() -> impl Strategy<Value = Vec<Wish>> {
        let layers = prop::collection::btree_map(0u8..3, 1_000u64..3_000_000, 0..4);
        let priority = prop::sample::select(vec![Priority::Screen, Priority::Lead, Priority::Other]);
        let one = (layers, priority, prop::option::of(0u8..3));
        prop::collection::vec(one, 0..12).prop_map(|all| {
            all.into_iter()
                .enumerate()
                .map(|(index, (layers, priority, current))| {
                    // Higher layers cost more.
                    let mut sum = 0;
                    let layers = layers
                        .into_iter()
                        .map(|(rank, cost)| {
                            sum += cost;
                            (rank, sum)
                        })
                        .collect();
                    Wish { track: TrackKey(index as u64), priority, layers, current }
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn the_budget_holds_and_the_sums_are_true(wishes in wishes(), budget in 0u64..20_000_000) {
            let less = allocate(Some(budget), false, &wishes);
            prop_assert!(less.given <= budget);
            prop_assert!(less.next >= less.given && less.wanted >= less.given);
            let sum: u64 = less.shares.iter().zip(&wishes).map(|(share, wish)| {
                wish.layers.iter().find(|(rank, _)| Some(*rank) == share.rank).map_or(0, |(_, cost)| *cost)
            }).sum();
            prop_assert_eq!(sum, less.given);
            prop_assert_eq!(allocate(None, false, &wishes).given, less.wanted);
        }
    }
}
