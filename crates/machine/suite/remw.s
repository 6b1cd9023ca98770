    .include "suite.inc"
    begin
    binary  remw
    end
