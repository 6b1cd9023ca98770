    .include "suite.inc"
    begin
    immediate slliw, 0, 1, 7, 15, 16, 30, 31
    end
