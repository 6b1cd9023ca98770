    .include "suite.inc"
    begin
    immediate ori, 0, 1, -1, 31, 1365, -1366, 2047, -2048
    end
