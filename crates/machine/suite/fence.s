    .include "suite.inc"
    begin
    # An order of memory accesses is kept anyhow: nothing changes, whatever a fence is for.
    li      a0, -1
    sd      a0, 0(s0)
    fence
    ld      a1, 0(s0)
    fence   r, w
    result  a1
    fence   iorw, iorw
    fence   w, r
    fence.tso
    result  a0
    result  a1
    end
