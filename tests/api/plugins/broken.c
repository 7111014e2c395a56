/* Cannot be loaded: nobody defines what it calls. */
int nobody_defines_this(void);

int of_broken(void);
int of_broken(void)
{
    return nobody_defines_this();
}
