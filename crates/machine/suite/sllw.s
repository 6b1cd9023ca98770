    .include "suite.inc"
    begin
    binary  sllw
    end
