//! BLAKE3's keyed hash of eight short inputs at once, with AVX2.
//!
//! An input of at most 64 bytes is one block, and its hash is one call of BLAKE3's compression function (section 2.2 of
//! its paper), which computes with sixteen words of 32 bits. Here each register holds one of these words for eight
//! inputs, so that one instruction serves all eight. The blocks are transposed into this form at the start, and the hashes
//! out of it at the end. A hash costs some 165 instructions instead of 600.
//!
//! The hashes are those of [`blake3::keyed_hash`]. The crate itself hashes several blocks at once only if they belong to
//! one long input.

use crate::event::Hash128;

/// Number of inputs that are hashed at once.
pub(super) const LANES: usize = 8;
/// Longest input that fits one block.
pub(super) const BLOCK_BYTES: usize = 64;

/// A block, padded with zeros.
pub(super) type Block = [u8; BLOCK_BYTES];

/// Hashes eight inputs at once. A value exists only where the CPU can do it.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "no value exists there"))]
pub(super) struct EightLanes(());

impl EightLanes {
    /// Returns `None` if the CPU lacks AVX2.
    pub(super) fn detect() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            return Some(Self(()));
        }
        None
    }

    /// Returns the first halves of the inputs' hashes. A length is the number of bytes before the padding.
    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code, reason = "the call of a function that needs AVX2")]
    pub(super) fn hash(self, key: &[u8; 32], blocks: [&Block; LANES], lengths: [u32; LANES]) -> [Hash128; LANES] {
        // SAFETY: `detect` alone makes an `EightLanes`, after it has found AVX2. The function has no other condition.
        unsafe { avx2::hash(bytemuck::cast(*key), blocks, lengths) }
    }

    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn hash(self, _: &[u8; 32], _: [&Block; LANES], _: [u32; LANES]) -> [Hash128; LANES] {
        unreachable!("detect returns nothing here")
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256i, _mm256_add_epi32, _mm256_or_si256, _mm256_permute2x128_si256, _mm256_set1_epi32, _mm256_slli_epi32,
        _mm256_srli_epi32, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64, _mm256_unpacklo_epi32, _mm256_unpacklo_epi64,
        _mm256_xor_si256,
    };

    use super::{Block, Hash128, LANES};

    /// First half of the initial values, which are those of SHA-256.
    const INITIAL: [u32; 4] = [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a];
    /// First and last block of a chunk, root of the tree, keyed.
    const FLAGS: u32 = 1 | 2 | 8 | 16;
    const ROUNDS: usize = 7;
    /// Order in which each round takes the words of the block; each permutes that of the round before.
    const SCHEDULE: [[usize; 16]; ROUNDS] = {
        const PERMUTATION: [usize; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
        let mut schedule = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]; ROUNDS];
        let mut round = 1;
        while round < ROUNDS {
            let mut word = 0;
            while word < 16 {
                schedule[round][word] = schedule[round - 1][PERMUTATION[word]];
                word += 1;
            }
            round += 1;
        }
        schedule
    };

    #[target_feature(enable = "avx2")]
    pub(super) fn hash(key: [u32; 8], blocks: [&Block; LANES], lengths: [u32; LANES]) -> [Hash128; LANES] {
        let row = |lane: usize| bytemuck::cast::<Block, [__m256i; 2]>(*blocks[lane]);
        let rows = [row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7)];
        let half = |half: usize| transpose([0, 1, 2, 3, 4, 5, 6, 7].map(|lane: usize| rows[lane][half]));
        let message: [__m256i; 16] = bytemuck::cast([half(0), half(1)]);

        let splat = |word: u32| _mm256_set1_epi32(word.cast_signed());
        let [k0, k1, k2, k3, k4, k5, k6, k7] = key.map(splat);
        let [i0, i1, i2, i3] = INITIAL.map(splat);
        let (counter, lengths) = (splat(0), bytemuck::cast(lengths));
        let mut state = [k0, k1, k2, k3, k4, k5, k6, k7, i0, i1, i2, i3, counter, counter, lengths, splat(FLAGS)];
        round::<0>(&mut state, &message);
        round::<1>(&mut state, &message);
        round::<2>(&mut state, &message);
        round::<3>(&mut state, &message);
        round::<4>(&mut state, &message);
        round::<5>(&mut state, &message);
        round::<6>(&mut state, &message);
        let half = |word: usize| _mm256_xor_si256(state[word], state[word + 8]);
        // Each register now has the hashes of two inputs, four apart.
        let pairs: [[Hash128; 2]; 4] = bytemuck::cast(transpose_halves([half(0), half(1), half(2), half(3)]));
        std::array::from_fn(|lane| pairs[lane % 4][lane / 4])
    }

    /// One round. Its number is a constant, so that the places of the message's words are too.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn round<const ROUND: usize>(state: &mut [__m256i; 16], message: &[__m256i; 16]) {
        let m = |index: usize| message[SCHEDULE[ROUND][index]];
        mix(state, [0, 4, 8, 12], m(0), m(1));
        mix(state, [1, 5, 9, 13], m(2), m(3));
        mix(state, [2, 6, 10, 14], m(4), m(5));
        mix(state, [3, 7, 11, 15], m(6), m(7));
        mix(state, [0, 5, 10, 15], m(8), m(9));
        mix(state, [1, 6, 11, 12], m(10), m(11));
        mix(state, [2, 7, 8, 13], m(12), m(13));
        mix(state, [3, 4, 9, 14], m(14), m(15));
    }

    /// BLAKE3's quarter round, G.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn mix(state: &mut [__m256i; 16], [a, b, c, d]: [usize; 4], x: __m256i, y: __m256i) {
        state[a] = _mm256_add_epi32(_mm256_add_epi32(state[a], state[b]), x);
        state[d] = rotate::<16, 16>(_mm256_xor_si256(state[d], state[a]));
        state[c] = _mm256_add_epi32(state[c], state[d]);
        state[b] = rotate::<12, 20>(_mm256_xor_si256(state[b], state[c]));
        state[a] = _mm256_add_epi32(_mm256_add_epi32(state[a], state[b]), y);
        state[d] = rotate::<8, 24>(_mm256_xor_si256(state[d], state[a]));
        state[c] = _mm256_add_epi32(state[c], state[d]);
        state[b] = rotate::<7, 25>(_mm256_xor_si256(state[b], state[c]));
    }

    /// Rotates each word to the right; the two distances are 32 together.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn rotate<const RIGHT: i32, const LEFT: i32>(words: __m256i) -> __m256i {
        _mm256_or_si256(_mm256_srli_epi32::<RIGHT>(words), _mm256_slli_epi32::<LEFT>(words))
    }

    /// Transposes eight rows of eight words.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn transpose([a, b, c, d, e, f, g, h]: [__m256i; 8]) -> [__m256i; 8] {
        let [a, b, c, d] = transpose_halves([a, b, c, d]);
        let [e, f, g, h] = transpose_halves([e, f, g, h]);
        let low = |one, other| _mm256_permute2x128_si256::<0x20>(one, other);
        let high = |one, other| _mm256_permute2x128_si256::<0x31>(one, other);
        [low(a, e), low(b, f), low(c, g), low(d, h), high(a, e), high(b, f), high(c, g), high(d, h)]
    }

    /// Transposes the four rows of four words in the lower halves, and those in the upper halves.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn transpose_halves([a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
        let (ab, ab_high) = (_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
        let (cd, cd_high) = (_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));
        [
            _mm256_unpacklo_epi64(ab, cd),
            _mm256_unpackhi_epi64(ab, cd),
            _mm256_unpacklo_epi64(ab_high, cd_high),
            _mm256_unpackhi_epi64(ab_high, cd_high),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every length beside every other, so that no lane takes over a neighbour's.
    #[test]
    fn eight_hashes_are_those_of_the_crate() {
        let Some(lanes) = EightLanes::detect() else { return };
        let key = std::array::from_fn(|index| (index * 37 + 11) as u8);
        let input = |length: usize| -> Vec<u8> { (0..length).map(|index| (index * 7 + length) as u8).collect() };
        for first in 0..=BLOCK_BYTES {
            let inputs: [Vec<u8>; LANES] =
                std::array::from_fn(|lane| input((first + lane * (first + 1)) % (BLOCK_BYTES + 1)));
            let blocks: [Block; LANES] = inputs.each_ref().map(|input| {
                let mut block = [0; BLOCK_BYTES];
                block[..input.len()].copy_from_slice(input);
                block
            });
            let hashes = lanes.hash(&key, blocks.each_ref(), inputs.each_ref().map(|input| input.len() as u32));
            for (input, hash) in inputs.iter().zip(hashes) {
                assert_eq!(hash, blake3::keyed_hash(&key, input).as_bytes()[..16], "{} bytes", input.len());
            }
        }
    }
}
