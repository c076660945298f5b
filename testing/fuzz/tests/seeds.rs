//! Every target over its seeds and a fixed number of mutations of them: the part of fuzzing that needs nothing but Rust.

use std::path::{Path, PathBuf};

use hubwire_fuzz::{TARGETS, Target};

/// How many mutations are made of each seed: about a second for all targets together.
const MUTATIONS_PER_SEED: u64 = 300;
/// Mutations do not grow an input beyond this.
const INPUT_BYTES_MAX: usize = 4096;

#[test]
fn every_target_holds_for_its_seeds() {
    for target in &TARGETS {
        for (_, seed) in seeds(target) {
            (target.check)(&seed);
        }
    }
}

#[test]
fn every_target_holds_for_mutations_of_its_seeds() {
    for target in &TARGETS {
        for (path, seed) in seeds(target) {
            for number in 0..MUTATIONS_PER_SEED {
                let input = mutate(&seed, number);
                let outcome = std::panic::catch_unwind(|| (target.check)(&input));
                assert!(
                    outcome.is_ok(),
                    "target {}: mutation {number} of {} fails: {input:?}",
                    target.name,
                    path.display()
                );
            }
        }
    }
}

fn seeds(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target.name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} has no seeds", folder.display());
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// A few changes to a seed: the same ones for the same number.
fn mutate(seed: &[u8], number: u64) -> Vec<u8> {
    let mut random = Xorshift(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut input = seed.to_vec();
    for _ in 0..=random.below(4) {
        let place = random.below(input.len() + 1);
        let end = (place + random.below(9)).min(input.len());
        match random.below(6) {
            0 if place < input.len() => input[place] ^= 1 << random.below(8),
            1 if place < input.len() => input[place] = random.byte(),
            2 => drop(input.drain(place..end)),
            3 => input.insert(place, random.byte()),
            4 => {
                let copy = input[place..end].to_vec();
                let at = random.below(input.len() + 1);
                input.splice(at..at, copy);
            }
            _ => input.truncate(place.max(1)),
        }
    }
    input.truncate(INPUT_BYTES_MAX);
    input
}

struct Xorshift(u64);

impl Xorshift {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 16).unwrap() % bound
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[2]
    }
}
