    .include "suite.inc"
    begin
    loads   lw, 4
    end
