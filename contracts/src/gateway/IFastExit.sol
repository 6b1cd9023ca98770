// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBridge} from "../bridge/IBridge.sol";
import {Claim, Terms} from "./Claim.sol";
import {ITokenReceiver} from "./ITokenReceiver.sol";

/// @title A market for withdrawals in flight
/// @notice A withdrawal addressed to this contract need not wait for finality: anyone who has verified the L2 may pay its
/// recipient at once, less a fee, and owns the claim to the whole amount when the withdrawal arrives. If nobody does, the
/// recipient gets the whole amount then.
///
/// ETH: `Outbox.send{value: amount}(this, gasLimit, abi.encodeCall(settle, (terms)))`. Tokens: a withdrawal through the
/// gateway to this contract with `abi.encode(terms)` as its data. Either must promise enough gas to pay whoever is owed.
///
/// @dev Each withdrawal pays once, to one account: what a fill promises comes from the withdrawal, and what the recipient of
/// a fill gets comes from who fills. Between transactions this contract holds nothing of a withdrawal. What is sent to it without
/// terms is lost: tokens of a withdrawal with empty data, and those of a plain transfer.
///
/// Whoever fills takes the risk that the withdrawal does not exist, or never becomes final. It checks on its own L2 node that the
/// message at `index` is the claim; that index only makes a fill revert which comes too late. Of withdrawals that are alike each
/// is filled on its own, one after the other, and the first to arrive settles the fill.
///
/// Assumed of a token that one fills for: that it moves what it is told to. What it keeps of transfers, or loses by rounding, the
/// payee loses, whoever that is; a claim is known by what was sent on L2, so none is mistaken for another.
interface IFastExit is ITokenReceiver {
    /// The recipient was paid, and `filler` owns the claim.
    event ClaimFilled(bytes32 indexed id, address indexed filler, uint64 indexed index, Claim claim);
    /// The claim has another owner.
    event ClaimTransferred(bytes32 indexed id, address indexed from, address indexed to);
    /// The withdrawal arrived, and `payee` was paid: the owner if it had been filled, otherwise the recipient.
    event ClaimSettled(bytes32 indexed id, address indexed payee, uint256 amount, bool filled);

    /// Only the bridge may call this.
    error NotBridge(address received, address expected);
    /// Only the L1 gateway for tokens may call this.
    error NotTokenGateway(address received, address expected);
    /// The message was executed: the withdrawal was paid out already.
    error MessageAlreadyFinalized(uint64 index);
    /// Somebody else filled the claim.
    error ClaimAlreadyFilled(bytes32 id, address owner);
    /// The deadline has passed, in L1 seconds.
    error DeadlinePassed(uint256 received, uint64 deadline);
    /// The fee is more than what is withdrawn.
    error FeeAboveAmount(uint256 received, uint256 amount);
    /// The call carries another amount than the claim needs, in wei: none if it is about a token.
    error WrongValue(uint256 received, uint256 expected);
    /// Nobody could be paid there.
    error InvalidRecipient(address received);
    /// Only the owner of a claim may give it away.
    error NotClaimOwner(address received, address owner);

    /// @notice Pays the recipient `amount - fee` and becomes the claim's owner. ETH comes with the call, tokens from the caller's
    /// allowance for this contract.
    /// @param claim A withdrawal in flight.
    /// @param index Of its message in the outbox. If that was executed, all reverts.
    function fill(Claim calldata claim, uint64 index) external payable;

    /// @notice Gives a claim away. Only for its owner.
    function transferClaim(bytes32 id, address to) external;

    /// @notice A withdrawal of ETH arrives: pays who is owed. Only for messages; the sender and the amount are the message's.
    function settle(Terms calldata terms) external payable;

    /// @notice Who filled a claim that has not arrived, or was given it; zero if nobody did.
    function ownerOf(bytes32 id) external view returns (address);

    /// @notice The bridge, at its proxy.
    function BRIDGE() external view returns (IBridge);

    /// @notice The L1 gateway for tokens.
    function TOKEN_GATEWAY() external view returns (address);
}
