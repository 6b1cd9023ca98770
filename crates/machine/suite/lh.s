    .include "suite.inc"
    begin
    loads   lh, 2
    end
