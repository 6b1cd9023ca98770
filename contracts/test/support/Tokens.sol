// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Pausable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Pausable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC721Pausable} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721Pausable.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";

/// @notice A well-behaved token, with permit. Anyone mints.
contract PlainToken is ERC20Permit {
    uint8 private immutable DECIMALS;

    constructor(string memory name, string memory symbol, uint8 decimals_) ERC20(name, symbol) ERC20Permit(name) {
        DECIMALS = decimals_;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function decimals() public view override returns (uint8) {
        return DECIMALS;
    }
}

/// @notice Keeps a hundredth of every transfer.
contract FeeToken is ERC20 {
    constructor() ERC20("Fee", "FEE") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        uint256 fee = from == address(0) || to == address(0) ? 0 : amount / 100;
        super._update(from, to, amount - fee);
        if (fee != 0) super._update(from, address(this), fee);
    }
}

/// @notice Balances are shares of what it holds elsewhere, which grows and shrinks.
contract RebasingToken is ERC20 {
    /// Percent of its shares that an account has in tokens.
    uint256 public percent = 100;

    constructor() ERC20("Rebasing", "REB") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setPercent(uint256 percent_) external {
        percent = percent_;
    }

    function balanceOf(address account) public view override returns (uint256) {
        return super.balanceOf(account) * percent / 100;
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount * 100 / percent);
    }
}

/// @notice Returns nothing from what should return whether it succeeded, as some early tokens do. By itself no ERC-20.
contract NoReturnToken {
    mapping(address account => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @notice Says that a transfer failed, instead of reverting.
contract FalseToken is ERC20 {
    constructor() ERC20("False", "NO") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return false;
    }
}

/// @notice Stands still when anyone says so.
contract PausableToken is ERC20Pausable {
    constructor() ERC20("Pausable", "PAUSE") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setPaused(bool paused_) external {
        if (paused_) _pause();
        else _unpause();
    }
}

/// @notice Takes nothing from those on a list and gives them nothing. Anyone writes it.
contract BlockingToken is ERC20 {
    mapping(address account => bool) public isBlocked;

    error Blocked(address account);

    constructor() ERC20("Blocking", "BLOCK") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setBlocked(address account, bool blocked) external {
        isBlocked[account] = blocked;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (isBlocked[from]) revert Blocked(from);
        if (isBlocked[to]) revert Blocked(to);
        super._update(from, to, amount);
    }
}

/// @notice Who is called before tokens leave it, and when they have come.
interface ITokenHolder {
    function tokensToSend(address from, address to, uint256 amount) external;
    function tokensReceived(address from, address to, uint256 amount) external;
}

/// @notice Calls both sides of a transfer, as an ERC-777 does those who ask for it; and in its midst whatever it was told to,
/// whose failure it swallows.
contract CallbackToken is ERC20 {
    mapping(address account => bool) public listens;
    address private _target;
    bytes private _call;

    constructor() ERC20("Callback", "CALL") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function listen() external {
        listens[msg.sender] = true;
    }

    /// @notice What it calls in the midst of a transfer; nothing if that is the zero address.
    function setCallback(address target, bytes calldata call) external {
        (_target, _call) = (target, call);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (_target != address(0)) LowLevelCall.callNoReturn(_target, _call);
        if (listens[from]) ITokenHolder(from).tokensToSend(from, to, amount);
        super._update(from, to, amount);
        if (listens[to]) ITokenHolder(to).tokensReceived(from, to, amount);
    }
}

/// @notice Acts when a `CallbackToken` calls it, and notes what came of it.
contract TokenHolder is ITokenHolder {
    address private _target;
    uint256 private _value;
    bytes private _call;
    bool private _onReceipt;
    bool public called;
    bool public succeeded;
    bytes public returned;

    function tokensToSend(address, address, uint256) external {
        if (!_onReceipt) _act();
    }

    function tokensReceived(address, address, uint256) external {
        if (_onReceipt) _act();
    }

    /// @notice What it calls when tokens come, or else when they leave.
    function setCall(address target, bytes calldata call, bool onReceipt) external {
        (_target, _call, _onReceipt, called) = (target, call, onReceipt, false);
    }

    /// @notice ETH that goes with that call.
    function setValue(uint256 value) external {
        _value = value;
    }

    /// @notice Calls with what it holds.
    function act(address target, uint256 value, bytes calldata call) external payable returns (bytes memory) {
        return Address.functionCallWithValue(target, call, value);
    }

    function _act() private {
        if (called || _target == address(0)) return;
        called = true;
        (succeeded, returned) = _target.call{value: _value}(_call);
    }

    receive() external payable {}
}

/// @notice What an `Odd` one does when one of its functions is called.
enum Manner {
    /// What it should.
    Honest,
    /// Returns given bytes, and does nothing.
    Answers,
    /// Reverts.
    Reverts,
    /// Uses all gas.
    BurnsGas,
    /// Returns a megabyte.
    Bombs,
    /// Reverts with a megabyte.
    RevertBombs
}

/// @notice Does with each of its functions as it was told.
abstract contract Odd {
    mapping(bytes4 selector => Manner) private _manners;
    mapping(bytes4 selector => bytes) private _answers;

    modifier odd() {
        _behave();
        _;
    }

    function setManner(bytes4 selector, Manner manner, bytes calldata answer) external {
        _manners[selector] = manner;
        _answers[selector] = answer;
    }

    function _behave() private view {
        Manner manner = _manners[msg.sig];
        if (manner == Manner.Honest) return;
        if (manner == Manner.Reverts) revert("odd");
        while (manner == Manner.BurnsGas) {}
        bytes memory answer = _answers[msg.sig];
        // Memory beyond what Solidity knows of is safe to return, as nothing runs after.
        assembly ("memory-safe") {
            switch manner
            case 1 { return(add(answer, 0x20), mload(answer)) }
            case 4 { return(0, 1000000) }
            default { revert(0, 1000000) }
        }
    }
}

contract OddToken is Odd, ERC20 {
    constructor() ERC20("Odd", "ODD") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function name() public view override odd returns (string memory) {
        return super.name();
    }

    function symbol() public view override odd returns (string memory) {
        return super.symbol();
    }

    function decimals() public view override odd returns (uint8) {
        return super.decimals();
    }

    function balanceOf(address account) public view override odd returns (uint256) {
        return super.balanceOf(account);
    }

    function allowance(address owner, address spender) public view override odd returns (uint256) {
        return super.allowance(owner, spender);
    }

    function transfer(address to, uint256 amount) public override odd returns (bool) {
        return super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override odd returns (bool) {
        return super.transferFrom(from, to, amount);
    }

    function supportsInterface(bytes4 interfaceId) external view odd returns (bool) {
        return interfaceId == this.supportsInterface.selector;
    }
}

/// @notice While it lies, moves nothing, and shows whom it should have gone to as if it had. What it showed is forgotten when it
/// is honest again.
contract LyingToken is ERC20 {
    bool public lying;
    /// How often it began to lie.
    uint256 private _lies;
    mapping(uint256 lie => mapping(address account => uint256)) private _shown;

    constructor() ERC20("Lying", "LIE") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setLying(bool lying_) external {
        lying = lying_;
        ++_lies;
    }

    function balanceOf(address account) public view override returns (uint256) {
        uint256 shown = _shown[_lies][account];
        return lying && shown != 0 ? shown : super.balanceOf(account);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (lying && from != address(0)) _shown[_lies][to] = balanceOf(to) + amount;
        else super._update(from, to, amount);
    }

    function _spendAllowance(address owner, address spender, uint256 amount) internal override {
        if (!lying) super._spendAllowance(owner, spender, amount);
    }
}

/// @notice A well-behaved collection. Anyone mints.
contract PlainNFT is ERC721 {
    constructor() ERC721("Plain Collection", "PLAIN") {}

    function mint(address to, uint256 tokenId) external {
        _mint(to, tokenId);
    }

    function tokenURI(uint256) public pure override returns (string memory) {
        return "ipfs://plain";
    }
}

/// @notice Moves nothing, and does not say so.
contract IdleNFT is ERC721 {
    constructor() ERC721("Idle", "IDLE") {}

    function mint(address to, uint256 tokenId) external {
        _mint(to, tokenId);
    }

    /// @notice Gives it to anyone, whoever asks.
    function give(address to, uint256 tokenId) external {
        _update(to, tokenId, address(0));
    }

    function transferFrom(address, address, uint256) public pure override {}
}

/// @notice Calls its sender before it moves.
contract CallbackNFT is ERC721 {
    constructor() ERC721("Callback Collection", "CALL") {}

    function mint(address to, uint256 tokenId) external {
        _mint(to, tokenId);
    }

    function transferFrom(address from, address to, uint256 tokenId) public override {
        if (from.code.length != 0) ITokenHolder(from).tokensToSend(from, to, tokenId);
        super.transferFrom(from, to, tokenId);
    }
}

/// @notice Calls who asked for it when one has come, as `safeTransferFrom` would.
contract ReceiptNFT is ERC721 {
    mapping(address account => bool) public listens;

    constructor() ERC721("Receipt Collection", "RECEIPT") {}

    function mint(address to, uint256 tokenId) external {
        _mint(to, tokenId);
    }

    function listen() external {
        listens[msg.sender] = true;
    }

    function transferFrom(address from, address to, uint256 tokenId) public override {
        super.transferFrom(from, to, tokenId);
        if (listens[to]) ITokenHolder(to).tokensReceived(from, to, tokenId);
    }
}

/// @notice Stands still when anyone says so.
contract PausableNFT is ERC721Pausable {
    constructor() ERC721("Pausable Collection", "PAUSE") {}

    function mint(address to, uint256 tokenId) external {
        _mint(to, tokenId);
    }

    function setPaused(bool paused_) external {
        if (paused_) _pause();
        else _unpause();
    }
}

contract OddNFT is Odd, ERC721 {
    constructor() ERC721("Odd Collection", "ODD") {}

    function mint(address to, uint256 tokenId) external {
        _mint(to, tokenId);
    }

    function name() public view override odd returns (string memory) {
        return super.name();
    }

    function symbol() public view override odd returns (string memory) {
        return super.symbol();
    }

    function ownerOf(uint256 tokenId) public view override odd returns (address) {
        return super.ownerOf(tokenId);
    }

    function transferFrom(address from, address to, uint256 tokenId) public override odd {
        super.transferFrom(from, to, tokenId);
    }
}

/// Earns for its holders, and adds it to a balance when that is next moved.
contract EarningToken is ERC20 {
    mapping(address holder => uint256) private _earned;

    constructor() ERC20("Earning", "EARN") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function earn(address holder, uint256 amount) external {
        _earned[holder] += amount;
    }

    function _update(address from, address to, uint256 amount) internal override {
        uint256 earned = _earned[to];
        if (earned != 0) {
            delete _earned[to];
            super._update(address(0), to, earned);
        }
        super._update(from, to, amount);
    }
}

/// Moves by id, as what came before ERC-721 does, and does not say so.
contract EarlyNFT {
    mapping(address owner => uint256) public balanceOf;
    mapping(uint256 id => address) public ownerOf;

    function mint(address to, uint256 id) external {
        ++balanceOf[to];
        ownerOf[id] = to;
    }

    function transfer(address to, uint256 id) external {
        require(ownerOf[id] == msg.sender);
        --balanceOf[msg.sender];
        ++balanceOf[to];
        ownerOf[id] = to;
    }

    function supportsInterface(bytes4 id) external pure returns (bool) {
        // Of ERC-165 itself, and its own.
        return id == 0x01ffc9a7 || id == 0x9a20483d;
    }
}
