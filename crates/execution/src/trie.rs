//! A sparse Merkle-Patricia trie with keys of 32 bytes. It begins as a root hash, loads the nodes that an access walks
//! through, and on commit gives the nodes that are new.
//!
//! Node encodings and nibble paths are alloy-trie's; `docs/adr/0001-sparse-trie.md` says why the rest is ours.

use crate::preimages::{MissingPreimage, Preimages, read};
use alloc::{boxed::Box, vec::Vec};
use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::Decodable;
use alloy_trie::{
    EMPTY_ROOT_HASH, Nibbles, TrieMask,
    nodes::{BranchNodeRef, ExtensionNodeRef, LeafNodeRef, RlpNode, TrieNode},
};
use core::mem;

/// The trie. All methods that read may load nodes, and keep them.
#[derive(Clone, Debug, Default)]
pub struct Trie {
    root: Option<Node>,
}

/// A node as its parent has it. Most of those that a branch names are never loaded: they take no more than their hash.
#[derive(Clone, Debug)]
enum Node {
    Unloaded(B256),
    Loaded(Box<LoadedNode>),
}

#[derive(Clone, Debug)]
struct LoadedNode {
    kind: Kind,
    /// How a parent refers to this node: by hash, or by its whole encoding if that is shorter. `None` since it changed.
    reference: Option<RlpNode>,
}

#[derive(Clone, Debug)]
enum Kind {
    Leaf {
        path: Nibbles,
        value: Vec<u8>,
    },
    /// The child is a branch.
    Extension {
        path: Nibbles,
        child: Node,
    },
    /// At least two children. Keys are of one length, so a branch has no value.
    Branch {
        children: Box<[Option<Node>; 16]>,
    },
}

/// What a removal did to a subtree.
#[derive(PartialEq, Eq)]
enum Removal {
    NotFound,
    Removed,
    /// The subtree was that one leaf.
    Emptied,
}

impl Trie {
    /// The trie with this root.
    pub fn new(root: B256) -> Self {
        Self { root: (root != EMPTY_ROOT_HASH).then_some(Node::Unloaded(root)) }
    }

    /// The value under `key`.
    ///
    /// # Errors
    ///
    /// If a node on the way cannot be loaded.
    pub fn get(&mut self, preimages: &impl Preimages, key: B256) -> Result<Option<&[u8]>, MissingPreimage> {
        self.walk(preimages, key, |_| {})
    }

    /// Sets the value under `key`.
    ///
    /// # Errors
    ///
    /// If a node on the way cannot be loaded; nothing has changed then.
    pub fn insert(&mut self, preimages: &impl Preimages, key: B256, value: Vec<u8>) -> Result<(), MissingPreimage> {
        let path = Nibbles::unpack_array(&key.0);
        match &mut self.root {
            Some(root) => root.insert(preimages, path, value),
            None => {
                self.root = Some(Node::leaf(path, value));
                Ok(())
            }
        }
    }

    /// Removes the value under `key`, if there is one.
    ///
    /// # Errors
    ///
    /// If a node on the way, or the sibling of a branch that collapses, cannot be loaded; nothing has changed then.
    pub fn remove(&mut self, preimages: &impl Preimages, key: B256) -> Result<(), MissingPreimage> {
        if let Some(root) = &mut self.root
            && root.remove(preimages, Nibbles::unpack_array(&key.0))? == Removal::Emptied
        {
            self.root = None;
        }
        Ok(())
    }

    /// The root, after hashing what changed. Appends to `new_nodes` the encodings of the changed nodes, by hash.
    pub fn commit(&mut self, new_nodes: &mut Vec<(B256, Bytes)>) -> B256 {
        let Some(root) = &mut self.root else {
            return EMPTY_ROOT_HASH;
        };
        let changed = matches!(root, Node::Loaded(root) if root.reference.is_none());
        let reference = root.commit(new_nodes);
        reference.as_hash().unwrap_or_else(|| {
            // The root has no parent to be inlined into: it is known by its hash, however short.
            let hash = keccak256(&reference);
            if changed {
                new_nodes.push((hash, Bytes::copy_from_slice(&reference)));
            }
            hash
        })
    }

    /// The nodes on the way to `key`, from the root down, which prove its value or that it has none. Nodes inlined into
    /// their parent are not listed; a trie without nodes gives none.
    ///
    /// # Errors
    ///
    /// If a node on the way cannot be loaded.
    ///
    /// # Panics
    ///
    /// If something changed since the last commit.
    pub fn proof(&mut self, preimages: &impl Preimages, key: B256) -> Result<Vec<Bytes>, MissingPreimage> {
        let mut proof = Vec::new();
        self.walk(preimages, key, |node| {
            if proof.is_empty() || node.committed().is_hash() {
                proof.push(node.encode().into());
            }
        })?;
        Ok(proof)
    }

    /// Visits the nodes on the way to `key`, from the root down, and gives the value if it is there.
    fn walk(
        &mut self,
        preimages: &impl Preimages,
        key: B256,
        mut visit: impl FnMut(&LoadedNode),
    ) -> Result<Option<&[u8]>, MissingPreimage> {
        let mut path = Nibbles::unpack_array(&key.0);
        let mut next = self.root.as_mut();
        while let Some(node) = next {
            let node = node.load(preimages, path.len())?;
            visit(node);
            next = match &mut node.kind {
                Kind::Leaf { path: own, value } if *own == path => return Ok(Some(value)),
                Kind::Extension { path: own, child } if path.starts_with(own) => {
                    path = path.slice(own.len()..);
                    Some(child)
                }
                Kind::Branch { children } => {
                    let nibble = path.get_unchecked(0);
                    path = path.slice(1..);
                    children[nibble as usize].as_mut()
                }
                Kind::Leaf { .. } | Kind::Extension { .. } => None,
            };
        }
        Ok(None)
    }
}

impl Node {
    fn changed(kind: Kind) -> Self {
        Self::Loaded(Box::new(LoadedNode { kind, reference: None }))
    }

    fn leaf(path: Nibbles, value: Vec<u8>) -> Self {
        Self::changed(Kind::Leaf { path, value })
    }

    /// `child` below `path`, without an extension where there is no path.
    fn extension(path: Nibbles, child: Self) -> Self {
        if path.is_empty() { child } else { Self::changed(Kind::Extension { path, child }) }
    }

    /// This node, loaded if that did not happen yet. `remaining` nibbles of the key lead on from here.
    fn load(&mut self, preimages: &impl Preimages, remaining: usize) -> Result<&mut LoadedNode, MissingPreimage> {
        if let Self::Unloaded(hash) = *self {
            let kind = read(preimages, hash, |rlp| decode(rlp, remaining))?;
            *self = Self::Loaded(Box::new(LoadedNode { kind, reference: Some(RlpNode::word_rlp(&hash)) }));
        }
        match self {
            Self::Loaded(node) => Ok(node),
            Self::Unloaded(_) => unreachable!("loaded above"),
        }
    }

    fn insert(&mut self, preimages: &impl Preimages, path: Nibbles, value: Vec<u8>) -> Result<(), MissingPreimage> {
        let node = self.load(preimages, path.len())?;
        match &mut node.kind {
            Kind::Leaf { path: own, value: old } if *own == path => *old = value,
            Kind::Leaf { path: own, value: old } => {
                let own = mem::take(own);
                let old = mem::take(old);
                node.kind = fork(own, |own| Self::leaf(own, old), path, value);
            }
            Kind::Extension { path: own, child } if path.starts_with(own) => {
                child.insert(preimages, path.slice(own.len()..), value)?;
            }
            Kind::Extension { path: own, child } => {
                let own = mem::take(own);
                let child = mem::replace(child, Self::Unloaded(B256::ZERO));
                node.kind = fork(own, |own| Self::extension(own, child), path, value);
            }
            Kind::Branch { children } => {
                let rest = path.slice(1..);
                match &mut children[path.get_unchecked(0) as usize] {
                    Some(child) => child.insert(preimages, rest, value)?,
                    vacant => *vacant = Some(Self::leaf(rest, value)),
                }
            }
        }
        node.reference = None;
        Ok(())
    }

    fn remove(&mut self, preimages: &impl Preimages, path: Nibbles) -> Result<Removal, MissingPreimage> {
        let node = self.load(preimages, path.len())?;
        let removal = match &mut node.kind {
            Kind::Leaf { path: own, .. } if *own == path => Removal::Emptied,
            Kind::Extension { path: own, child } if path.starts_with(own) => {
                let removal = child.remove(preimages, path.slice(own.len()..))?;
                if removal == Removal::Removed && !child.is_branch() {
                    let own = *own;
                    let child = mem::replace(child, Self::Unloaded(B256::ZERO));
                    node.kind = child.below(own);
                }
                removal
            }
            Kind::Branch { children } => {
                let position = path.get_unchecked(0) as usize;
                let rest = path.slice(1..);
                let removal = match &mut children[position] {
                    Some(child) => child.remove(preimages, rest)?,
                    None => Removal::NotFound,
                };
                if removal == Removal::Emptied {
                    let mut others = (0..16).filter(|&other| other != position && children[other].is_some());
                    if let (Some(only), None) = (others.next(), others.next()) {
                        // Its shape decides what becomes of this branch: it must be loaded, though no key leads to it.
                        let sibling = children[only].as_mut().expect("just found");
                        sibling.load(preimages, rest.len())?;
                        let sibling = children[only].take().expect("just found");
                        node.kind = sibling.below(Nibbles::from_nibbles_unchecked([only as u8]));
                    } else {
                        children[position] = None;
                    }
                    Removal::Removed
                } else {
                    removal
                }
            }
            Kind::Leaf { .. } | Kind::Extension { .. } => Removal::NotFound,
        };
        if removal == Removal::Removed {
            node.reference = None;
        }
        Ok(removal)
    }

    fn is_branch(&self) -> bool {
        matches!(self, Self::Loaded(node) if matches!(node.kind, Kind::Branch { .. }))
    }

    /// What this node, which is loaded, is with `prefix` before its path.
    fn below(self, prefix: Nibbles) -> Kind {
        match self {
            Self::Loaded(node) => match node.kind {
                Kind::Leaf { path, value } => Kind::Leaf { path: prefix.join(&path), value },
                Kind::Extension { path, child } => Kind::Extension { path: prefix.join(&path), child },
                Kind::Branch { .. } => Kind::Extension { path: prefix, child: Self::Loaded(node) },
            },
            Self::Unloaded(_) => unreachable!("its shape would not be known"),
        }
    }

    /// Refreshes the reference to this node and to all below it.
    fn commit(&mut self, new_nodes: &mut Vec<(B256, Bytes)>) -> RlpNode {
        match self {
            Self::Unloaded(hash) => RlpNode::word_rlp(hash),
            Self::Loaded(node) => node.commit(new_nodes),
        }
    }

    /// How a parent refers to this node, which is committed.
    fn reference(&self) -> RlpNode {
        match self {
            Self::Unloaded(hash) => RlpNode::word_rlp(hash),
            Self::Loaded(node) => node.committed().clone(),
        }
    }
}

impl LoadedNode {
    fn commit(&mut self, new_nodes: &mut Vec<(B256, Bytes)>) -> RlpNode {
        if let Some(reference) = &self.reference {
            return reference.clone();
        }
        match &mut self.kind {
            Kind::Extension { child, .. } => {
                child.commit(new_nodes);
            }
            Kind::Branch { children } => children.iter_mut().flatten().for_each(|child| {
                child.commit(new_nodes);
            }),
            Kind::Leaf { .. } => {}
        }
        let rlp = self.encode();
        let reference = RlpNode::from_rlp(&rlp);
        if let Some(hash) = reference.as_hash() {
            new_nodes.push((hash, rlp.into()));
        }
        self.reference = Some(reference.clone());
        reference
    }

    fn committed(&self) -> &RlpNode {
        self.reference.as_ref().expect("committed since the last change")
    }

    /// The encoding of this node, whose children are committed.
    fn encode(&self) -> Vec<u8> {
        let mut rlp = Vec::new();
        match &self.kind {
            Kind::Leaf { path, value } => LeafNodeRef::new(path, value).rlp(&mut rlp),
            Kind::Extension { path, child } => ExtensionNodeRef::new(path, &child.reference()).rlp(&mut rlp),
            Kind::Branch { children } => {
                let mut mask = TrieMask::default();
                let mut stack = Vec::with_capacity(16);
                for (nibble, child) in (0..).zip(children.iter()) {
                    if let Some(child) = child {
                        mask.set_bit(nibble);
                        stack.push(child.reference());
                    }
                }
                BranchNodeRef::new(&stack, mask).rlp(&mut rlp)
            }
        };
        rlp
    }
}

/// A branch where two paths part, below an extension for what they have in common: on one side `own`, on the other a
/// leaf.
fn fork(own: Nibbles, node: impl FnOnce(Nibbles) -> Node, path: Nibbles, value: Vec<u8>) -> Kind {
    let common = own.common_prefix_length(&path);
    let mut children = Box::new([const { None }; 16]);
    children[own.get_unchecked(common) as usize] = Some(node(own.slice(common + 1..)));
    children[path.get_unchecked(common) as usize] = Some(Node::leaf(path.slice(common + 1..), value));
    let branch = Kind::Branch { children };
    match path.slice(..common) {
        path if path.is_empty() => branch,
        path => Kind::Extension { path, child: Node::changed(branch) },
    }
}

/// A node from its encoding. `None` unless it is one that a trie with `remaining` nibbles to go can have here.
fn decode(mut rlp: &[u8], remaining: usize) -> Option<Kind> {
    let node = TrieNode::decode(&mut rlp).ok()?;
    if !rlp.is_empty() {
        return None;
    }
    match node {
        TrieNode::EmptyRoot => None,
        TrieNode::Leaf(leaf) => {
            (leaf.key.len() == remaining).then_some(Kind::Leaf { path: leaf.key, value: leaf.value })
        }
        TrieNode::Extension(extension) => {
            let path = extension.key;
            let rest = remaining.checked_sub(path.len()).filter(|&rest| rest > 0 && rest < remaining)?;
            Some(Kind::Extension { path, child: decode_child(&extension.child, rest)? })
        }
        TrieNode::Branch(branch) => {
            let rest = remaining.checked_sub(1)?;
            if branch.stack.len() < 2 {
                return None;
            }
            let mut children = Box::new([const { None }; 16]);
            for (nibble, child) in branch.as_ref().children() {
                if let Some(child) = child {
                    children[nibble as usize] = Some(decode_child(child, rest)?);
                }
            }
            Some(Kind::Branch { children })
        }
    }
}

fn decode_child(reference: &RlpNode, remaining: usize) -> Option<Node> {
    match reference.as_hash() {
        Some(hash) => Some(Node::Unloaded(hash)),
        None => {
            let node = LoadedNode { kind: decode(reference, remaining)?, reference: Some(reference.clone()) };
            Some(Node::Loaded(Box::new(node)))
        }
    }
}
