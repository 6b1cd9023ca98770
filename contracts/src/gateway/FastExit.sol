// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IBridge} from "../bridge/IBridge.sol";
import {Claim, Terms} from "./Claim.sol";
import {IFastExit} from "./IFastExit.sol";
import {ITokenReceiver} from "./ITokenReceiver.sol";

/// @title A market for withdrawals in flight
/// @dev All state is changed before anyone is paid, so that nothing a payee does can undo or repeat it. A payee that refuses
/// makes the call revert: then nothing was filled, or the withdrawal stays claimable.
contract FastExit is IFastExit {
    using SafeERC20 for IERC20;

    /// @inheritdoc IFastExit
    IBridge public immutable BRIDGE;
    /// @inheritdoc IFastExit
    address public immutable TOKEN_GATEWAY;

    /// @inheritdoc IFastExit
    mapping(bytes32 id => address) public ownerOf;

    constructor(IBridge bridge, address tokenGateway) {
        BRIDGE = bridge;
        TOKEN_GATEWAY = tokenGateway;
    }

    /// @inheritdoc IFastExit
    function fill(Claim memory claim, uint64 index) external payable {
        // Set before the message is executed, and all through that: nobody pays for what is being settled.
        if (BRIDGE.isFinalized(index)) revert MessageAlreadyFinalized(index);
        if (block.timestamp > claim.deadline) revert DeadlinePassed(block.timestamp, claim.deadline);
        if (claim.fee > claim.amount) revert FeeAboveAmount(claim.fee, claim.amount);
        _requirePayable(claim.recipient);
        uint256 payment = claim.amount - claim.fee;
        uint256 value = claim.token == address(0) ? payment : 0;
        if (msg.value != value) revert WrongValue(msg.value, value);
        bytes32 id = claim.id();
        if (ownerOf[id] != address(0)) revert ClaimAlreadyFilled(id, ownerOf[id]);

        ownerOf[id] = msg.sender;
        emit ClaimFilled(id, msg.sender, index, claim);
        if (claim.token == address(0)) Address.sendValue(payable(claim.recipient), payment);
        else IERC20(claim.token).safeTransferFrom(msg.sender, claim.recipient, payment);
    }

    /// @inheritdoc IFastExit
    function transferClaim(bytes32 id, address to) external {
        address owner = ownerOf[id];
        if (msg.sender != owner) revert NotClaimOwner(msg.sender, owner);
        _requirePayable(to);
        ownerOf[id] = to;
        emit ClaimTransferred(id, owner, to);
    }

    /// @inheritdoc IFastExit
    function settle(Terms calldata terms) external payable {
        if (msg.sender != address(BRIDGE)) revert NotBridge(msg.sender, address(BRIDGE));
        address payee = _settle(BRIDGE.l2Sender(), address(0), msg.value, terms);
        Address.sendValue(payable(payee), msg.value);
    }

    /// @inheritdoc ITokenReceiver
    function onTokensReceived(address token, address from, uint256 sent, uint256 arrived, bytes calldata data)
        external
        returns (bytes4)
    {
        if (msg.sender != TOKEN_GATEWAY) revert NotTokenGateway(msg.sender, TOKEN_GATEWAY);
        address payee = _settle(from, token, sent, abi.decode(data, (Terms)));
        IERC20(token).safeTransfer(payee, arrived);
        return ITokenReceiver.onTokensReceived.selector;
    }

    /// @dev Who is owed what arrived. A fill is forgotten: it pays once, and the next withdrawal of the same claim is another.
    function _settle(address sender, address token, uint256 amount, Terms memory terms)
        private
        returns (address payee)
    {
        bytes32 id = Claim({
            sender: sender,
            token: token,
            amount: amount,
            recipient: terms.recipient,
            fee: terms.fee,
            deadline: terms.deadline,
            salt: terms.salt
        }).id();
        payee = ownerOf[id];
        bool filled = payee != address(0);
        if (filled) {
            delete ownerOf[id];
        } else {
            payee = terms.recipient;
            _requirePayable(payee);
        }
        emit ClaimSettled(id, payee, amount, filled);
    }

    /// @dev What is paid to the zero address is lost, and what is paid to this contract is the next payee's.
    function _requirePayable(address recipient) private view {
        if (recipient == address(0) || recipient == address(this)) revert InvalidRecipient(recipient);
    }
}
