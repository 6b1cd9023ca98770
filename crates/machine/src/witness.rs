//! Making the witness of a step.

use crate::call::Question;
use crate::host::{Host, Missing};
use crate::machine::Machine;
use crate::step::{Effect, allowed_masks, meeting_level, word_at};
use crate::tree::{DEPTH, EMPTY};
use alloy_primitives::Bytes;

impl Machine {
    /// The witness of the next step, with which [`step`](crate::step()) and the contract go from this state's hash to that
    /// of the next. Laid out as `docs/machine.md` says, without a sibling that is empty.
    ///
    /// # Errors
    ///
    /// If the host lacks what the step needs.
    pub fn witness(&mut self, host: &impl Host) -> Result<Bytes, Missing> {
        let root = self.memory.root();
        let mut witness = self.hart.encode().to_vec();
        if !self.hart.fetches() {
            witness.extend_from_slice(root.as_slice());
            return Ok(witness.into());
        }

        let number = (self.hart.pc / 32) as usize;
        let code = self.leaf(number);
        let effect = Effect::of(&self.hart, word_at(&code, self.hart.pc));
        let data = effect.leaf().filter(|data| *data != number);
        let meeting = data.map(|data| meeting_level(number, data));
        let allowed = allowed_masks(meeting);
        let (code_mask, code_siblings) = self.siblings(number, (allowed >> 32) as u32);
        let (data_mask, data_siblings) = self.siblings(data.unwrap_or_default(), allowed as u32);

        witness.extend_from_slice(&code_mask.to_be_bytes());
        witness.extend_from_slice(&data_mask.to_be_bytes());
        witness.extend_from_slice(&code);
        witness.extend(code_siblings);
        if let Some(data) = data {
            witness.extend_from_slice(&self.leaf(data));
            witness.extend(data_siblings);
        }
        if let Effect::Answer { question, .. } = effect {
            witness.extend(self.attachment(host, question)?);
        }
        Ok(witness.into())
    }

    fn leaf(&self, number: usize) -> [u8; 32] {
        self.memory.load(32 * number as u64).expect("leaves of the machine's memory")
    }

    /// Those of the `allowed` siblings that are not empty, and which they are.
    fn siblings(&self, leaf: usize, allowed: u32) -> (u32, Vec<u8>) {
        let (mut mask, mut siblings) = (0, Vec::new());
        for level in (0..DEPTH).filter(|level| allowed >> level & 1 == 1) {
            let sibling = self.memory.sibling(leaf, level);
            if sibling != EMPTY[level] {
                mask |= 1 << level;
                siblings.extend_from_slice(sibling.as_slice());
            }
        }
        (mask, siblings)
    }

    fn attachment(&self, host: &impl Host, question: Question) -> Result<Bytes, Missing> {
        match question {
            Question::Preimage { key, .. } => host.preimage(&key).ok_or(Missing::Preimage(key)),
            Question::Precompile { number, key, .. } => self.precompile_input(host, number, key),
            Question::BlobWord { versioned_hash, index } => {
                let word = host.blob_word(&versioned_hash, index);
                let proof = host.blob_proof(&versioned_hash, index);
                let (word, proof) = word.zip(proof).ok_or(Missing::BlobWord { versioned_hash, index })?;
                Ok([word.as_slice(), proof.commitment.as_slice(), proof.proof.as_slice()].concat().into())
            }
        }
    }
}
