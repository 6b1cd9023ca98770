    .include "suite.inc"
    begin
    binary  sll
    end
