    .include "suite.inc"
    begin
    binary  subw
    end
