    .include "suite.inc"
    begin
    loads   lb, 1
    end
