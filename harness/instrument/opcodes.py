"""What each opcode of each supported Python may touch. Knows no operands and no running code.

Every opcode of every supported minor version has a role, so that a new opcode fails a test instead of going
unnoticed; on a minor version without a table :func:`roles` raises :class:`CannotExplore`.
"""

from __future__ import annotations

import dis
import enum
import sys

from harness.model import CannotExplore


class Role(enum.Enum):
    """The kind of access to shared state that an opcode may be."""

    PRIVATE = "touches only the frame: fast locals, constants, the operand stack, jumps"
    NEVER = "a pseudo-instruction or filler that no code object executes"
    LOAD_ATTR = "reads an attribute"
    STORE_ATTR = "writes an attribute"
    DELETE_ATTR = "deletes an attribute"
    LOAD_SUPER = "reads an attribute through super()"
    LOAD_ITEM = "reads an item or a slice"
    STORE_ITEM = "writes an item or a slice"
    DELETE_ITEM = "deletes an item or a slice"
    LOAD_GLOBAL = "reads a global"
    STORE_GLOBAL = "writes a global"
    DELETE_GLOBAL = "deletes a global"
    LOAD_NAME = "reads a name of a module or class body"
    STORE_NAME = "writes a name of a module or class body"
    DELETE_NAME = "deletes a name of a module or class body"
    LOAD_CELL = "reads a closure cell"
    STORE_CELL = "writes a closure cell"
    DELETE_CELL = "empties a closure cell"
    TEST = "takes the truth value of its operand"
    CONTAINS = "looks for a value in a container"
    READ = "reads operands as a whole: comparison, formatting, unary operators, length"
    BINARY = "an arithmetic operator, in place or not"
    ITERATE = "asks for an iterator"
    ADVANCE = "takes the next element of an iterator"
    CONSUME = "takes all elements of an operand: unpacking, extending"
    CALL = "a call"
    ENTER = "enters a context manager"
    AWAIT = "asks for an awaitable"
    MATCH = "takes attributes or keys for a match statement"
    IMPORT = "imports a module"
    RETURN = "returns, which may complete an access of the caller"


_R = Role
_ROLES: dict[Role, str] = {
    _R.PRIVATE: """
        NOP RESUME EXTENDED_ARG POP_TOP PUSH_NULL COPY SWAP LOAD_CONST LOAD_FAST STORE_FAST DELETE_FAST MAKE_CELL
        COPY_FREE_VARS BUILD_LIST BUILD_MAP BUILD_SET BUILD_SLICE BUILD_STRING BUILD_TUPLE LIST_APPEND MAP_ADD SET_ADD
        MAKE_FUNCTION IS_OP CHECK_EG_MATCH CHECK_EXC_MATCH PUSH_EXC_INFO POP_EXCEPT RAISE_VARARGS RERAISE
        RETURN_GENERATOR YIELD_VALUE JUMP_BACKWARD JUMP_BACKWARD_NO_INTERRUPT JUMP_FORWARD MATCH_MAPPING
        MATCH_SEQUENCE LOAD_BUILD_CLASS SETUP_ANNOTATIONS END_ASYNC_FOR""",
    _R.NEVER: "CACHE",
    _R.LOAD_ATTR: "LOAD_ATTR IMPORT_FROM",
    _R.STORE_ATTR: "STORE_ATTR",
    _R.DELETE_ATTR: "DELETE_ATTR",
    _R.STORE_ITEM: "STORE_SUBSCR",
    _R.DELETE_ITEM: "DELETE_SUBSCR",
    _R.LOAD_GLOBAL: "LOAD_GLOBAL",
    _R.STORE_GLOBAL: "STORE_GLOBAL",
    _R.DELETE_GLOBAL: "DELETE_GLOBAL",
    _R.LOAD_NAME: "LOAD_NAME",
    _R.STORE_NAME: "STORE_NAME",
    _R.DELETE_NAME: "DELETE_NAME",
    _R.LOAD_CELL: "LOAD_DEREF",
    _R.STORE_CELL: "STORE_DEREF",
    _R.DELETE_CELL: "DELETE_DEREF",
    _R.CONTAINS: "CONTAINS_OP",
    _R.READ: "COMPARE_OP UNARY_NEGATIVE UNARY_INVERT GET_LEN",
    _R.BINARY: "BINARY_OP",
    _R.ITERATE: "GET_ITER GET_YIELD_FROM_ITER GET_AITER",
    _R.ADVANCE: "FOR_ITER SEND GET_ANEXT",
    _R.CONSUME: "UNPACK_SEQUENCE UNPACK_EX LIST_EXTEND SET_UPDATE DICT_UPDATE DICT_MERGE",
    _R.CALL: "CALL CALL_FUNCTION_EX WITH_EXCEPT_START",
    _R.AWAIT: "GET_AWAITABLE",
    _R.MATCH: "MATCH_CLASS MATCH_KEYS",
    _R.IMPORT: "IMPORT_NAME",
    _R.RETURN: "RETURN_VALUE",
}
_PSEUDO = "JUMP JUMP_NO_INTERRUPT POP_BLOCK SETUP_CLEANUP SETUP_FINALLY SETUP_WITH STORE_FAST_MAYBE_NULL"
_CHANGES: dict[tuple[int, int], dict[Role, str]] = {
    (3, 11): {
        _R.PRIVATE: """
            ASYNC_GEN_WRAP BUILD_CONST_KEY_MAP KW_NAMES LIST_TO_TUPLE LOAD_ASSERTION_ERROR LOAD_CLOSURE
            POP_JUMP_BACKWARD_IF_NONE POP_JUMP_BACKWARD_IF_NOT_NONE POP_JUMP_FORWARD_IF_NONE
            POP_JUMP_FORWARD_IF_NOT_NONE PRECALL PREP_RERAISE_STAR PRINT_EXPR""",
        _R.LOAD_ATTR: "LOAD_METHOD",
        _R.LOAD_ITEM: "BINARY_SUBSCR",
        _R.LOAD_CELL: "LOAD_CLASSDEREF",
        _R.TEST: """
            JUMP_IF_FALSE_OR_POP JUMP_IF_TRUE_OR_POP POP_JUMP_BACKWARD_IF_FALSE POP_JUMP_BACKWARD_IF_TRUE
            POP_JUMP_FORWARD_IF_FALSE POP_JUMP_FORWARD_IF_TRUE UNARY_NOT""",
        _R.READ: "FORMAT_VALUE UNARY_POSITIVE",
        _R.ENTER: "BEFORE_WITH BEFORE_ASYNC_WITH",
        _R.IMPORT: "IMPORT_STAR",
    },
    (3, 12): {
        _R.PRIVATE: """
            BUILD_CONST_KEY_MAP CALL_INTRINSIC_2 CLEANUP_THROW END_FOR END_SEND KW_NAMES LOAD_ASSERTION_ERROR
            LOAD_CLOSURE LOAD_FAST_AND_CLEAR LOAD_FAST_CHECK LOAD_LOCALS POP_JUMP_IF_NONE POP_JUMP_IF_NOT_NONE""",
        _R.RETURN: "RETURN_CONST",
        _R.NEVER: f"{_PSEUDO} RESERVED INTERPRETER_EXIT LOAD_METHOD LOAD_SUPER_METHOD LOAD_ZERO_SUPER_ATTR "
        "LOAD_ZERO_SUPER_METHOD",
        _R.LOAD_SUPER: "LOAD_SUPER_ATTR",
        _R.LOAD_ITEM: "BINARY_SUBSCR BINARY_SLICE",
        _R.STORE_ITEM: "STORE_SLICE",
        _R.LOAD_NAME: "LOAD_FROM_DICT_OR_GLOBALS",
        _R.LOAD_CELL: "LOAD_FROM_DICT_OR_DEREF",
        _R.TEST: "POP_JUMP_IF_FALSE POP_JUMP_IF_TRUE UNARY_NOT",
        _R.READ: "FORMAT_VALUE CALL_INTRINSIC_1",
        _R.ENTER: "BEFORE_WITH BEFORE_ASYNC_WITH",
    },
    (3, 13): {
        _R.PRIVATE: """
            BUILD_CONST_KEY_MAP CALL_INTRINSIC_2 CLEANUP_THROW END_FOR END_SEND LOAD_ASSERTION_ERROR
            LOAD_FAST_AND_CLEAR LOAD_FAST_CHECK LOAD_FAST_LOAD_FAST LOAD_LOCALS POP_JUMP_IF_FALSE POP_JUMP_IF_NONE
            POP_JUMP_IF_NOT_NONE POP_JUMP_IF_TRUE SET_FUNCTION_ATTRIBUTE STORE_FAST_LOAD_FAST
            STORE_FAST_STORE_FAST UNARY_NOT""",
        _R.RETURN: "RETURN_CONST",
        _R.NEVER: f"{_PSEUDO} RESERVED INTERPRETER_EXIT ENTER_EXECUTOR EXIT_INIT_CHECK LOAD_CLOSURE LOAD_METHOD "
        "LOAD_SUPER_METHOD LOAD_ZERO_SUPER_ATTR LOAD_ZERO_SUPER_METHOD",
        _R.LOAD_SUPER: "LOAD_SUPER_ATTR",
        _R.LOAD_ITEM: "BINARY_SUBSCR BINARY_SLICE",
        _R.STORE_ITEM: "STORE_SLICE",
        _R.LOAD_NAME: "LOAD_FROM_DICT_OR_GLOBALS",
        _R.LOAD_CELL: "LOAD_FROM_DICT_OR_DEREF",
        _R.TEST: "TO_BOOL",
        _R.READ: "CONVERT_VALUE FORMAT_SIMPLE FORMAT_WITH_SPEC CALL_INTRINSIC_1",
        _R.CALL: "CALL_KW",
        _R.ENTER: "BEFORE_WITH BEFORE_ASYNC_WITH",
    },
    (3, 14): {
        _R.PRIVATE: """
            BUILD_INTERPOLATION BUILD_TEMPLATE CALL_INTRINSIC_2 CLEANUP_THROW END_FOR END_SEND LOAD_COMMON_CONSTANT
            LOAD_FAST_AND_CLEAR LOAD_FAST_BORROW LOAD_FAST_BORROW_LOAD_FAST_BORROW LOAD_FAST_CHECK
            LOAD_FAST_LOAD_FAST LOAD_LOCALS LOAD_SMALL_INT NOT_TAKEN POP_ITER POP_JUMP_IF_FALSE POP_JUMP_IF_NONE
            POP_JUMP_IF_NOT_NONE POP_JUMP_IF_TRUE SET_FUNCTION_ATTRIBUTE STORE_FAST_LOAD_FAST STORE_FAST_STORE_FAST
            UNARY_NOT""",
        _R.NEVER: f"{_PSEUDO} RESERVED INTERPRETER_EXIT ENTER_EXECUTOR EXIT_INIT_CHECK ANNOTATIONS_PLACEHOLDER "
        "JUMP_IF_FALSE JUMP_IF_TRUE LOAD_CLOSURE",
        _R.LOAD_ATTR: "LOAD_SPECIAL",
        _R.LOAD_SUPER: "LOAD_SUPER_ATTR",
        _R.LOAD_ITEM: "BINARY_SLICE",
        _R.STORE_ITEM: "STORE_SLICE",
        _R.LOAD_NAME: "LOAD_FROM_DICT_OR_GLOBALS",
        _R.LOAD_CELL: "LOAD_FROM_DICT_OR_DEREF",
        _R.TEST: "TO_BOOL",
        _R.READ: "CONVERT_VALUE FORMAT_SIMPLE FORMAT_WITH_SPEC CALL_INTRINSIC_1",
        _R.CALL: "CALL_KW",
    },
}
SUPPORTED = tuple(sorted(_CHANGES))


def roles(version: tuple[int, int] | None = None) -> dict[str, Role]:
    """The role of every opcode of a minor version, by default the running one's.

    Raises :class:`CannotExplore` where there is no table: guessing would make the harness blind in silence.
    """
    version = version or sys.version_info[:2]
    changes = _CHANGES.get(version)
    if changes is None:
        known = ", ".join(f"{major}.{minor}" for major, minor in SUPPORTED)
        raise CannotExplore(
            f"no opcode table for Python {version[0]}.{version[1]}: run it on {known}, or upgrade the harness"
        )
    table: dict[str, Role] = {}
    for part in (_ROLES, changes):
        for role, names in part.items():
            table.update(dict.fromkeys(names.split(), role))
    return table


def executable() -> set[str]:
    """The opcodes of the running Python, without the specialised and instrumented forms of others."""
    specialised: set[str] = set(getattr(dis, "_specialized_instructions", ()))
    specialised |= set(getattr(sys.modules["opcode"], "_specialized_opmap", ()))
    return {name for name in dis.opmap if name not in specialised and not name.startswith("INSTRUMENTED_")}
