    .include "suite.inc"
    begin
    branches bgeu, a1, a0
    end
