    .include "suite.inc"
    begin
    loads   ld, 8
    end
