# Makes QuickJS count references by way of immortal.h; of its own code nothing else is changed.
s/(\b[a-z0-9_]+->header\.ref_count|\bp->ref_count)\+\+/COUNT_UP(\1)/
s/(\b[a-z0-9_]+->header\.ref_count|\bp->ref_count)--/COUNT_DOWN(\1)/
s/--([a-z0-9_]+->header\.ref_count|p->ref_count)/COUNT_DOWN(\1)/
# Whoever has the only reference may change what is referred to.
s/([a-z0-9_]+->header\.ref_count) == 1 &&/IS_COUNTED_ONCE(\1) \&\&/
s/([a-z0-9_]+->header\.ref_count) != 1\)/!IS_COUNTED_ONCE(\1))/
# The collector: was it counted up from 0?
s/\((p->ref_count) == 1\)/(IS_COUNTED_ONCE(\1))/
