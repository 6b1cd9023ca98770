    .include "suite.inc"
    begin
    stores  sh, 2
    end
